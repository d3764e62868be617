"""Reads an Apache configuration as httpd does: text to tree, to what is obeyed, to the effective site."""

from poolwise.config.crosscheck import crosscheck
from poolwise.config.edit import FileEdit, edit
from poolwise.config.evaluator import evaluate
from poolwise.config.places import envvars
from poolwise.config.site import Configuration, load
from poolwise.config.tree import Directive, Evaluation, Node, Section
from poolwise.config.world import World

__all__ = [
    "Configuration",
    "Directive",
    "Evaluation",
    "FileEdit",
    "Node",
    "Section",
    "World",
    "crosscheck",
    "edit",
    "envvars",
    "evaluate",
    "load",
]
