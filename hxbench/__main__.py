"""`python -m hxbench`, which is also how `torchrun -m hxbench` starts several processes of one run."""

from hxbench.cli.app import main

if __name__ == "__main__":
    main()
