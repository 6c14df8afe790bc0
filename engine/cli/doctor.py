"""`geophrase doctor`: what this installation has, what it lacks, and why a GPU is not used."""

from __future__ import annotations

import argparse

from geophrase.engine.cli.options import add_json_option


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser("doctor", help="check the installation; say why a GPU is not used")
    add_json_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print every check; fail where one keeps GeoPhrase from working."""
    from geophrase.engine.doctor import collect_checks, is_healthy, render_json, render_text

    checks = collect_checks()
    print(render_json(checks) if arguments.json else render_text(checks))
    return 0 if is_healthy(checks) else 1
