"""The kernel of chained stages: clients, a front, groups behind it, and the processor that they share."""
