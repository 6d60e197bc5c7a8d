# Everything on one page: the verdicts' tables, and whatever other results, figures and measurements are there.
from lbrn.reproduction.report import identity as page


rule page:
    input:
        "results/claims.json",
    output:
        report("results/report.html", caption="../report/page.rst", category="Verdicts"),
    log:
        "logs/report.log",
    priority: 100
    conda:
        "../envs/lbrn.yaml"
    threads: 1
    resources:
        mem_mb=1500,
    params:
        identity=lambda w: as_json(page.identity(PLAN)),
    shell:
        "lbrn report > {log} 2>&1"
