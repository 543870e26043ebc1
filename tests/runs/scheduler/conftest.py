"""Real clusters of two nodes on this machine, where Ray and Slurm are installed."""

import os
from pathlib import Path

import pytest
from slurm_cluster import SlurmCluster, lacking


@pytest.fixture(scope="module")
def slurm():
    """A Slurm cluster, whose commands the environment points to."""
    if why := lacking():
        pytest.skip(why)
    with SlurmCluster() as cluster:
        old = os.environ.get("SLURM_CONF")
        os.environ["SLURM_CONF"] = str(cluster.configuration)
        yield cluster
        if old is None:
            del os.environ["SLURM_CONF"]
        else:
            os.environ["SLURM_CONF"] = old


@pytest.fixture(scope="module")
def ray_cluster():
    """A Ray cluster of two nodes with two CPUs each, to which this process is connected."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install 'hxbench[ray]'")
    from ray.cluster_utils import Cluster

    tests = Path(__file__).parents[2]
    paths = [str(tests), str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))  # of the nodes, which know nothing of this process
    memory = {"object_store_memory": 80 * 2**20}
    # each node needs an address of its own, and 127.0.0.1 for one of them makes it hang
    first = {"num_cpus": 2, "node_ip_address": "127.0.0.2", "include_dashboard": False, **memory}
    cluster = Cluster(initialize_head=True, head_node_args=first)
    try:
        cluster.add_node(num_cpus=2, node_ip_address="127.0.0.3", **memory)
        cluster.wait_for_nodes(timeout=60)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()
        monkeypatch.undo()
