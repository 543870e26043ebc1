"""Stored runs as they were before schemas and manifests, and manifests made anew for what a test has changed."""

import yaml

from hxbench import manifest
from hxbench.spec.run_spec import canonical, id_of
from hxbench.store.contents import files_of


def before_manifests(folder, **changes):
    """Give a run the form of before schemas, with other fields in its spec; return its folder, named anew."""
    (folder / "manifest.json").unlink()
    fields = yaml.safe_load((folder / "spec.yaml").read_text())
    del fields["schema"]
    fields |= changes
    (folder / "spec.yaml").write_text(yaml.safe_dump(fields, sort_keys=False))
    return folder.rename(folder.with_name(id_of(canonical(fields))))


def reseal(folder):
    """Write the manifest of a run anew, as if it had been stored like this."""
    manifest.write(folder, files_of(folder))
