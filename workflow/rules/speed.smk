# Speed of the engine on this machine: outside the default target, alone on all cores, for other jobs would be measured
# too. `snakemake speed` measures all, some 20 minutes; `snakemake results/speed/conv.csv` one table.

SPEED = {
    "conv": ["conv.csv", "conv.png", "conv.svg"],
    "block": ["block.csv", "block.png", "block.svg"],
    "network": ["network.csv", "memory.csv", "network.png", "network.svg"],
    "training": ["training.csv", "training.png", "training.svg"],
}


rule speed:
    input:
        [f"results/speed/{name}" for names in SPEED.values() for name in names],


for BENCH, NAMES in SPEED.items():

    rule:
        name:
            f"speed_{BENCH}"
        output:
            [
                (
                    report(
                        f"results/speed/{name}",
                        caption="../report/speed.rst",
                        category="Speed",
                    )
                    if name.endswith((".csv", ".svg"))
                    else f"results/speed/{name}"
                )
                for name in NAMES
            ],
        log:
            f"logs/speed-{BENCH}.log",
        conda:
            "../envs/lbrn.yaml"
        threads: workflow.cores
        resources:
            mem_mb=4000,
        params:
            bench=BENCH,
        shell:
            "lbrn bench {params.bench} --out results/speed > {log} 2>&1"
