# hxbench in a container. The store is /home/hxbench/results:
#   docker build -t hxbench .  &&  docker run --rm -v "$PWD/results:/home/hxbench/results" hxbench report --table 2
# For GPUs, with a CUDA that PyTorch's package index has:
#   docker build --build-arg CUDA=cu128 -t hxbench:cuda .  &&  docker run --rm --gpus all hxbench:cuda doctor
FROM python:3.12-slim

ARG CUDA=cpu

RUN useradd --create-home --uid 1000 hxbench
WORKDIR /opt/hxbench
COPY constraints.txt pyproject.toml README.md LICENSE ./
COPY hxbench hxbench
COPY recipes recipes
COPY results/published results/published
# of the version in constraints.txt pip takes PyTorch's own build (+cpu, +cu128) before the plain one
RUN pip install --no-cache-dir --extra-index-url "https://download.pytorch.org/whl/${CUDA}" -c constraints.txt .

USER 1000
WORKDIR /home/hxbench
ENTRYPOINT ["hxbench"]
CMD ["--help"]
