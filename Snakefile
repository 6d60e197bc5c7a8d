# The workflow is in workflow/; this file lets a bare `snakemake` find it. `include` alone would leave no default target.
include: "workflow/Snakefile"


rule default:
    default_target: True
    input:
        rules.all.input,
