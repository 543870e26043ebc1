"""A real Slurm of two nodes on this machine, with a munge of its own; for root, as which alone slurmd works."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

PROGRAMS = ("slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "munged")
_CONFIGURATION = """\
ClusterName=tests
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=5
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ReturnToService=2
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
KillWait=20
MinJobAge=5
NodeName=one NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 State=UNKNOWN
NodeName=two NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 State=UNKNOWN
PartitionName=main Nodes=one,two Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=one,two MaxTime=INFINITE State=UP PriorityTier=10
"""


def lacking():
    """Return why there can be no Slurm here, the empty string when there can."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        packages = "slurmctld slurmd slurm-client munge"
        return f"Slurm is not installed (no {', '.join(missing)}): apt-get install {packages}"
    return "" if os.geteuid() == 0 else "slurmd needs root"


class SlurmCluster:
    """Daemons that live as long as the block; every one is ended by its own process id."""

    def __enter__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="hxbench-slurm-"))  # short: sockets have short names
        self.configuration = self.folder / "slurm.conf"
        (self.folder / "state").mkdir()
        host = socket.gethostname().partition(".")[0]
        self.configuration.write_text(_CONFIGURATION.format(host=host, folder=self.folder, ports=_free_ports(3)))
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o600)
        self.daemons = []
        try:
            self._start(
                "munged", "--foreground", "--force", f"--key-file={key}", f"--socket={self.folder}/munge.socket",
                f"--pid-file={self.folder}/munge.pid", f"--log-file={self.folder}/munge.log",
                f"--seed-file={self.folder}/munge.seed",
            )  # fmt: skip
            _wait_for((self.folder / "munge.socket").exists, "munged")
            self._start("slurmctld", "-D", "-f", self.configuration)
            for node in ("one", "two"):
                self._start("slurmd", "-D", "-N", node, "-f", self.configuration)
            _wait_for(lambda: self.said("sinfo", "--noheader", "--format=%D %t").split() == ["2", "idle"], "nodes")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, *words):
        with open(self.folder / f"{len(self.daemons)}-{words[0]}.out", "w") as out:
            self.daemons.append(subprocess.Popen(list(map(str, words)), stdout=out, stderr=subprocess.STDOUT))

    def said(self, *words):
        """Return what a command of Slurm prints, the empty string when it fails."""
        environment = os.environ | {"SLURM_CONF": str(self.configuration)}
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, env=environment)
        return done.stdout if done.returncode == 0 else ""

    def indices(self):
        """Return the array indices that Slurm knows, with their states."""
        lines = self.said("squeue", "--noheader", "--array", "--format=%i %T").splitlines()
        return dict(line.split() for line in lines)

    def __exit__(self, *_):
        self.said("scancel", "--user=root")
        if self.daemons:
            deadline = time.monotonic() + 20
            while self.indices() and time.monotonic() < deadline:
                time.sleep(0.2)
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def _wait_for(found, what):
    deadline = time.monotonic() + 60
    while not found():
        if time.monotonic() > deadline:
            raise RuntimeError(f"{what}: not there after a minute")
        time.sleep(0.1)
