"""Threads of the machine meet after each operation, many times, also more of them than cores, and after a fork."""

import subprocess
import sys
import time

import numpy as np
import pytest

from engine.networks import pictures
from lbrn.engine import TernaryConvolution, machine

FILTERS = np.random.default_rng(0).integers(-1, 2, (4, 3, 3, 3)).astype(np.int8)


@pytest.mark.parametrize("arithmetic", ["float32", "fixed"])
def test_threads_meet_again_and_again(arithmetic):
    images = pictures(1, 3, 16, 16)
    convolutions = [TernaryConvolution(FILTERS, threads=number, arithmetic=arithmetic) for number in (1, 2, 3, 2)]
    expected = convolutions[0](images)
    for _ in range(100):
        for convolve in convolutions:
            assert np.array_equal(convolve(images), expected)
    assert len(machine._helpers) >= 2


def test_more_threads_than_cores_do_not_take_long():
    # A waiting thread that did not let go of its core would keep the one from it that it waits for.
    convolve = TernaryConvolution(FILTERS, threads=8)
    images = pictures(1, 3, 16, 16)
    convolve(images)
    start = time.perf_counter()
    for _ in range(20):
        convolve(images)
    assert time.perf_counter() - start < 5


FORK = """
import os, sys
import numpy as np
from lbrn.engine import TernaryConvolution
convolve = TernaryConvolution(np.ones((1, 1, 1, 1), np.int8), threads=2)
images = np.ones((1, 1, 8, 8), np.float32)
assert convolve(images).min() == 1
child = os.fork()
if child == 0:
    os._exit(0 if convolve(images).min() == 1 else 1)
assert convolve(images).min() == 1
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_threads_of_its_own():
    answer = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 0, answer.stderr


def test_waiting_threads_fall_asleep():
    script = (
        "import time, numpy as np; from lbrn.engine import TernaryConvolution as T;"
        "convolve = T(np.ones((1, 1, 1, 1), np.int8), threads=3); convolve(np.ones((1, 1, 8, 8), np.float32));"
        "time.sleep(0.5); start = time.process_time(); time.sleep(1); print(time.process_time() - start)"
    )
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert float(answer.stdout) < 0.2
