# Folders are named by what they hold. So what is there is never made again because something before it is newer, or
# gone: inputs are asked for only where the output is missing (see also rerun-triggers in profiles/default).


rule fetch:
    output:
        f"{DATA}/raw/{{folder}}/source.json",
    log:
        f"{DATA}/raw/{{folder}}.log",
    priority: 100
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        name=lambda w: told(PLAN.raw_spec, w.folder)["name"],
        spec=lambda w: as_json(told(PLAN.raw_spec, w.folder)),
    shell:
        "lbrn data fetch {params.name} --spec {params.spec:q} >> {log} 2>&1"


rule prepare:
    input:
        lambda w: told(PLAN.raw_needed, w.folder),
    output:
        f"{DATA}/prepared/{{folder}}/info.json",
    log:
        f"{DATA}/prepared/{{folder}}.log",
    priority: 100
    conda:
        "../envs/lbrn.yaml"
    threads: lambda w: told(PLAN.preparing_threads, w.folder)
    resources:
        mem_mb=1500,
    params:
        name=lambda w: told(PLAN.prepared_spec, w.folder)["name"],
        spec=lambda w: as_json(told(PLAN.prepared_spec, w.folder)),
    shell:
        "lbrn data prepare {params.name} --spec {params.spec:q} --threads {threads} >> {log} 2>&1"


# Digests of all data behind the wished tables: what DVC keeps of them.
rule data_digests:
    input:
        lambda w: [
            f"{DATA}/prepared/{name}/info.json" for name in told(PLAN.wished_data)
        ],
    output:
        "results/data.json",
    log:
        "logs/data.log",
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=500,
    params:
        knobs=KNOBS,
        wanted=lambda w: as_json(told(PLAN.wished_data)),
    shell:
        "lbrn data digests --params {params.knobs:q} > {log} 2>&1"
