# Three rules, so that a new metric neither predicts nor trains again.


# Only what a training leaves at its very end is declared: Snakemake deletes the outputs of a job that was killed, and
# checkpoint/ and history.csv are what the run goes on from. --wait: a workflow that was killed alone leaves its trainings
# running, and the next one takes over what they leave.
rule train:
    input:
        lambda w: told(PLAN.data_needed, w.key, "done.json"),
    output:
        model=f"{RUNS}/{{key}}/model.safetensors",
        done=f"{RUNS}/{{key}}/done.json",
    log:
        f"{RUNS}/{{key}}/train.log",
    priority: lambda w: told(PLAN.training_priority, w.key)
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        run=lambda w: f"{RUNS}/{w.key}",
        spec=lambda w: as_json(told(PLAN.run, w.key)),
    shell:
        "lbrn train {params.run} --spec {params.spec:q} --threads {threads} --wait 2>&1 | tee -a {log} >&2"


rule predict:
    input:
        model=f"{RUNS}/{{key}}/model.safetensors",
        data=lambda w: told(PLAN.data_needed, w.key, "predictions.npz"),
    output:
        f"{RUNS}/{{key}}/predictions.npz",
    log:
        f"{RUNS}/{{key}}/predict.log",
    priority: 80
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        run=lambda w: f"{RUNS}/{w.key}",
    shell:
        "lbrn predict {params.run} --threads {threads} > {log} 2>&1"


rule score:
    input:
        predictions=f"{RUNS}/{{key}}/predictions.npz",
        data=lambda w: told(PLAN.data_needed, w.key, "scores.json"),
    output:
        f"{RUNS}/{{key}}/scores.json",
    log:
        f"{RUNS}/{{key}}/score.log",
    priority: 90
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1000,
    params:
        run=lambda w: f"{RUNS}/{w.key}",
        code=lambda w: told(PLAN.score_code, w.key),
    shell:
        "lbrn score {params.run} > {log} 2>&1"
