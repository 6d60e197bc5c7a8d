# Published numbers stand beside ours in every table; the command reads them from paper/published.


rule table:
    input:
        scores=lambda w: scores_of(told(PLAN.run_keys, int(w.n))),
        data=lambda w: told(PLAN.data_absent, told(PLAN.run_keys, int(w.n))),
    output:
        csv=report(
            "results/table{n}.csv", caption="../report/table.rst", category="Tables"
        ),
        md="results/table{n}.md",
        json="results/table{n}.json",
        metrics="results/metrics/table{n}.json",
    log:
        "logs/table{n}.log",
    priority: 100
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        knobs=KNOBS,
        identity=lambda w: as_json(told(PLAN.table_identity, int(w.n))),
    shell:
        "lbrn table {wildcards.n} --params {params.knobs:q} > {log} 2>&1"


# The networks of which the paper gives a mean and a spread, with as many seeds as params.yaml says: `repetitions`.
rule repetitions:
    input:
        scores=lambda w: scores_of(told(PLAN.repetition_keys)),
        data=lambda w: told(PLAN.data_absent, told(PLAN.repetition_keys)),
    output:
        csv=report(
            "results/repetitions.csv",
            caption="../report/repetitions.rst",
            category="Tables",
        ),
        md="results/repetitions.md",
        json="results/repetitions.json",
        metrics="results/metrics/repetitions.json",
    log:
        "logs/repetitions.log",
    priority: 100
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        knobs=KNOBS,
        identity=lambda w: as_json(told(PLAN.repetition_identity)),
    shell:
        "lbrn repetitions --params {params.knobs:q} > {log} 2>&1"


# A copy of exactly the runs behind the wished tables, for DVC; the run store itself is a cache that DVC never touches.
rule pack:
    input:
        lambda w: scores_of(told(PLAN.wished_keys)),
    output:
        "results/packed/runs.json",
    log:
        "logs/pack.log",
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        knobs=KNOBS,
        chosen=lambda w: as_json(told(PLAN.wished_keys)),
    shell:
        "lbrn pack --params {params.knobs:q} > {log} 2>&1"
