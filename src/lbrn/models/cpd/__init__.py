"""CPD and CPD-LB, the saliency networks of section 4.4 of the paper, and their backbones."""

from lbrn.models.cpd.network import CPD, cpd

__all__ = ["CPD", "cpd"]
