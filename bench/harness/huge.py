# SPDX-License-Identifier: BSD-2-Clause
"""Large messages, many at once."""

from load import Generator, Run, Stage
from process import Watch

MIB = 1024.0 * 1024
STALL_S = 300


def huge(bench, peer, n, sessions, size):
    with Stage(bench, peer) as stage:
        run = Run(peer, stage.sink)
        memory = Watch(lambda: peer.memory_mib("Pss"), 0.2)
        disk = Watch(peer.log_bytes, 0.05)
        generator = Generator(bench, peer.port, n, sessions, size=size)
        try:
            ended = stage.await_count(n, STALL_S)
            generator.finish()
        finally:
            memory.stop(), disk.stop()
        figures = {"through_mib_per_s": n * size / MIB / (max(ended, generator.ended) - generator.started),
                   "accept_mib_per_s": n * size / MIB / (generator.ended - generator.started)}
        used = run.figures(n, generator)
        figures.update(cpu_per_mib_us=used["cpu_us"] * MIB / size, pss_peak_mib=memory.largest)
        if peer.name == "fermoposta":
            figures.update(hwm_mib=peer.memory_mib("VmHWM"), log_peak_mib=disk.largest / MIB)
        figures.update(tools_share=used["tools_share"], others_cores=used["others_cores"])
        stage.check_even(n)
    return figures
