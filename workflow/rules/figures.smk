# One rule a figure of paper/figures.yaml, so that a changed caption or plotting module draws only its figure again. The
# knobs are no params of the rule: what a figure takes from them is in its identity.

FIGURES = told(lambda: plan.Plan(PLAN))


rule figures:
    input:
        [FIGURES.files(name)[0] for name in FIGURES.names()],


for FIGURE in FIGURES.names():

    rule:
        name:
            f"figure_{FIGURE.replace('-', '_')}"
        input:
            scores=lambda w, name=FIGURE: scores_of(told(FIGURES.run_keys, name)),
            data=lambda w, name=FIGURE: told(FIGURES.data_absent, name),
        output:
            report(
                FIGURES.files(FIGURE)[0],
                caption="../report/figure.rst",
                category="Figures",
            ),
            FIGURES.files(FIGURE)[1:],
        log:
            f"logs/figure-{FIGURE}.log",
        priority: 100
        conda:
            "../envs/lbrn.yaml"
        threads: 1
        resources:
            mem_mb=2000,
        params:
            name=FIGURE,
            identity=lambda w, name=FIGURE: as_json(told(FIGURES.identity, name)),
            caption=lambda w, name=FIGURE: FIGURES.figures[name].caption,
        shell:
            'lbrn figure {params.name} --params "$LBRN_KNOBS" > {log} 2>&1'
