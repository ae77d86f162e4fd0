"""The ablations of Vogels et al. 2018 with small budgets; see __main__.py."""
