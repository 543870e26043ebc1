# hxbench in a container. For a GPU: --build-arg TORCH_INDEX=https://download.pytorch.org/whl/cu128
FROM python:3.12-slim

ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu

RUN useradd --create-home hxbench
WORKDIR /opt/hxbench
COPY pyproject.toml README.md LICENSE ./
COPY hxbench hxbench
COPY recipes recipes
COPY results/published results/published
RUN pip install --no-cache-dir --extra-index-url "$TORCH_INDEX" .

USER hxbench
WORKDIR /home/hxbench
ENTRYPOINT ["hxbench"]
CMD ["--help"]
