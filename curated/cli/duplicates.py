"""Groups of duplicates: what was kept in place, what should be, and applying that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from curated.cli.app import app
from curated.cli.context import opened
from curated.cli.moves import Hand, changing
from curated.cli.output import complain, counted, echo_json, photo_json, photo_line, safe, shown
from curated.domain import Photo, Status
from curated.duplicates import older
from curated.errors import EXIT_FAILED
from curated.review import Carrier, Desk
from curated.review.twins import suggestion
from curated.state.decisions import Step
from curated.state.pairs import Group, Pairs


@dataclass(frozen=True, slots=True)
class Suggested:
    """A group with the picture that should be its keeper, and why."""

    group: Group
    keeper: Photo
    why: str

    @property
    def stands(self) -> bool:
        """Whether the keeper is the suggested one already, or a person's choice."""
        return self.group.keeper.id == self.keeper.id or self.group.keeper.chosen

    @property
    def exact(self) -> bool:
        """Whether all of the group have the same pixels."""
        return all(photo.twin_kind == "exact" for photo in self.group.duplicates)


@app.command()
def duplicates(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, one group a line.")] = False,
    resolve: Annotated[
        bool, typer.Option("--resolve", help="Make the suggested picture the keeper, in exact groups.")
    ] = False,
    near: Annotated[bool, typer.Option("--near", help="With --resolve: in all other groups, too.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="With --resolve: only say what would be done.")] = False,
    complete: Annotated[
        bool,
        typer.Option("--complete", help="Have crops and turns of pictures found that an older version filed."),
    ] = False,
) -> None:
    """Groups of duplicates: the one that is kept in place, the one that should be, and why."""
    if complete and (resolve or near or dry_run or as_json):
        raise typer.BadParameter("--complete goes with no other option")
    if (near or dry_run) and not resolve:
        raise typer.BadParameter("--near and --dry-run say how to resolve; give --resolve with them")
    if resolve:
        with changing() as hand:
            failed = _resolve(hand, near=near, dry_run=dry_run, as_json=as_json)
        if failed:
            raise typer.Exit(EXIT_FAILED)
        return
    if complete:
        with changing() as hand:
            failed = _complete(hand)
        if failed:
            raise typer.Exit(EXIT_FAILED)
        return
    with opened() as context:
        pairs = Pairs(context.database)
        groups = list(_suggested(pairs))
        from_before = pairs.older_without_grey()
    for each in groups:
        if as_json:
            echo_json(_group_json(each))
        else:
            _print_group(each)
    if not groups and not as_json:
        typer.echo("No duplicates.", err=True)
    if from_before:
        typer.echo(
            "Crops and turns of what an older version filed are not found; `curated duplicates --complete` mends that.",
            err=True,
        )


def _suggested(pairs: Pairs) -> Iterator[Suggested]:
    for group in pairs.groups():
        if group.duplicates or (group.burst and group.keeper.twin_kind != "burst"):
            yield Suggested(group, *suggestion(group))


def _resolve(hand: Hand, *, near: bool, dry_run: bool, as_json: bool) -> int:
    """How many groups could not be changed."""
    context = hand.context
    wanted = [
        each
        for each in _suggested(Pairs(context.database))
        if each.group.duplicates and not each.stands and (near or each.exact) and _in_library(each.group.keeper)
    ]
    desk = Desk(context.config, context.database)
    done: list[Suggested] = wanted if dry_run else []
    steps: list[tuple[Step, Suggested]] = []
    for each in () if dry_run else wanted:
        decided = desk.decide([each.keeper.id], "keeper")
        if decided.step is None:
            complain(f"#{each.keeper.id} {decided.refused[0][1]}")
        else:
            steps.append((decided.step, each))
    if steps:
        for _ in Carrier(context.config, hand.filer).carry():
            pass
    for step, each in steps:
        # By the rows, as a daemon that runs may have carried it out.
        if problems := [made for made in desk.decisions.of_step(step.number) if made.problem]:
            complain(f"#{problems[0].photo_id}: {problems[0].problem}")
        else:
            done.append(each)
    for each in done:
        if as_json:
            echo_json({"from": each.group.keeper.id, "to": each.keeper.id, "reason": each.why, "dry_run": dry_run})
        else:
            would = "would take" if dry_run else "takes"
            typer.echo(f"#{each.keeper.id} {would} the place of #{each.group.keeper.id}: {safe(each.why)}")
    if not as_json:
        would = " would be" if dry_run else ""
        typer.echo(f"{counted(len(done), 'group')}{would} changed.", err=True)
    return len(wanted) - len(done)


def _complete(hand: Hand) -> int:
    """How many pictures could not be read."""
    done = failed = 0
    for photo, problem in older.complete(hand.context.database, hand.context.config.reading):
        if problem:
            failed += 1
            complain(f"#{photo.id} {photo.path}: {problem}")
        else:
            done += 1
    typer.echo(f"{counted(done, 'picture')} made ready; start the daemon anew if it runs.", err=True)
    return failed


def _in_library(photo: Photo) -> bool:
    return photo.status in (Status.FILED, Status.REVIEW)


def _group_json(each: Suggested) -> dict[str, object]:
    group = each.group
    first = (group.duplicates or group.burst)[0]
    return {
        "keeper": photo_json(group.keeper),
        "duplicates": [photo_json(other) for other in group.duplicates],
        "burst": [photo_json(other) for other in group.burst],
        "suggested": each.keeper.id,
        "suggestion": each.why,
        "chosen": group.keeper.chosen,
        "reason": first.reason,
    }


def _print_group(each: Suggested) -> None:
    group = each.group
    typer.echo(photo_line(group.keeper))
    for other in group.duplicates:
        typer.echo(f"       {other.twin_kind} duplicate: {shown(other.path)} (#{other.id}; {safe(other.reason)})")
    for other in group.burst:
        typer.echo(f"       of one burst, kept: {shown(other.path)} (#{other.id})")
    if group.keeper.chosen:
        typer.echo("       keeper: by a person's choice")
    elif each.stands and group.duplicates:
        typer.echo(f"       keeper: {safe(each.why)}")
    elif group.duplicates:
        typer.echo(f"       suggested keeper: #{each.keeper.id}, {safe(each.why)}")
