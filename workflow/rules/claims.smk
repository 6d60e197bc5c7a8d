# Verdicts on the paper's claims: from the tables that params.yaml wishes, and from whatever other results are there.


rule claims:
    input:
        expand("results/table{n}.json", n=PLAN.book.params.tables),
    output:
        csv=report(
            "results/claims.csv", caption="../report/claims.rst", category="Verdicts"
        ),
        md="results/claims.md",
        json="results/claims.json",
    log:
        "logs/claims.log",
    priority: 100
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        identity=lambda w: as_json(PLAN.claims_identity()),
    shell:
        "lbrn claims > {log} 2>&1"
