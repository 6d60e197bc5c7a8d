# Data are named by what they are, never by when they came: all inputs are ancient().


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
        lambda w: ancient(f"{told(PLAN.raw_folder, w.folder)}/source.json"),
    output:
        f"{DATA}/prepared/{{folder}}/info.json",
    log:
        f"{DATA}/prepared/{{folder}}.log",
    priority: 100
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        name=lambda w: told(PLAN.prepared_spec, w.folder)["name"],
        spec=lambda w: as_json(told(PLAN.prepared_spec, w.folder)),
    shell:
        "lbrn data prepare {params.name} --spec {params.spec:q} >> {log} 2>&1"


# Digests of all data behind the wished tables: what DVC keeps of them.
rule data_digests:
    input:
        [f"{DATA}/prepared/{folder}/info.json" for folder in told(PLAN.wished_data)],
    output:
        "results/data.json",
    log:
        "logs/data.log",
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=500,
    shell:
        "lbrn data digests {output} {input} > {log} 2>&1"
