"""The `haechi` command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from haechi.city.settings import from_environment
from haechi.core.errors import HaechiError


class Haechi(click.Group):
    """Loads a command's module only when it is called, and tells expected errors in Korean without a traceback."""

    modules = (
        "haechi.city.commands_running",
        "haechi.city.commands_knowledge",
        "haechi.city.commands_services",
        "haechi.city.commands_routing",
        "haechi.city.commands_dialogue",
        "haechi.city.commands_people",
        "haechi.city.commands_gateway",
        "haechi.city.commands_trust",
        "haechi.city.commands_privacy",
        "haechi.city.commands_access_log",
    )

    def list_commands(self, context: click.Context) -> list[str]:
        """All commands, by name."""
        self._load_all()
        return super().list_commands(context)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """The command, its module loaded."""
        self._load_all()
        return super().get_command(context, name)

    def invoke(self, context: click.Context) -> Any:
        """Run; an expected error ends with code 1 and its message and next step on standard error."""
        try:
            return super().invoke(context)
        except HaechiError as error:
            if "--json" in sys.argv:
                click.echo(json.dumps({"error": error.as_dict()}, ensure_ascii=False))
            click.echo(f"오류: {error.message}", err=True)
            if error.next_step:
                click.echo(f"다음: {error.next_step}", err=True)
            raise click.exceptions.Exit(1) from error

    def _load_all(self) -> None:
        if self.commands:
            return
        from importlib import import_module

        for module in self.modules:
            commands: list[click.Command] = import_module(module).COMMANDS
            for command in commands:
                self.add_command(command)


class LazyInstallation:
    """What commands get as `ctx.obj`: opens the installation's parts at first use."""

    def __init__(self, open_it: Callable[[], Any]) -> None:
        self._open = open_it
        self._opened: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._opened is None:
            self._opened = self._open()
        return getattr(self._opened, name)

    def close(self) -> None:
        """Give back what was opened, if anything was."""
        if self._opened is not None:
            self._opened.close()


@click.group(cls=Haechi, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option("--home", type=click.Path(path_type=Path), help="이 설치의 폴더 (기본: HAECHI_HOME 또는 ./var)")
@click.version_option(package_name="haechi", prog_name="haechi")
@click.pass_context
def main(context: click.Context, home: Path | None) -> None:
    """해치: 도시가 AI 행정을 운영하고 다스리는 소프트웨어."""

    def open_it() -> Any:
        from haechi.city.installation import Installation

        return Installation.open(from_environment(home=home))

    context.obj = LazyInstallation(open_it)
    context.call_on_close(context.obj.close)
    context.meta["settings"] = lambda **more: from_environment(home=home, **more)


if __name__ == "__main__":
    main()
