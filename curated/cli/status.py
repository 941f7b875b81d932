"""`curated status`: how the daemon and the library stand, from the database alone."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import typer

from curated.cli.app import app
from curated.cli.context import Context, opened
from curated.cli.output import echo_json, safe
from curated.config import load
from curated.domain import Status
from curated.models.weights import profile_notice, resolve_profile
from curated.state.daemon import daemon_runs, published
from curated.taste import Figures, learnt_categories, trainings


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """How the daemon and the library stand: activity, profile, device, counts, queue, rate, last errors."""
    config = load()
    if not config.folders.database_path.exists():
        empty = _report_without_database(config.folders.unsorted)
        if as_json:
            echo_json(empty)
        else:
            typer.echo("Nothing filed yet: no database. `curated run` starts the daemon, `curated demo` shows it.")
        return
    with opened() as context:
        report = _report(context)
    if as_json:
        echo_json(report)
        return
    for label, value in _lines(report):
        if value:
            typer.echo(f"{label:<10} {value}")


def _report_without_database(unsorted: str) -> dict[str, Any]:
    return {
        "running": False,
        "daemon": None,
        "profile": None,
        "counts": {},
        "categories": {},
        "learnt": {"taste": None, "categories": {}},
        "retrying": [],
        "unsorted": unsorted,
    }


def _report(context: Context) -> dict[str, Any]:
    config, store = context.config, context.store
    state = published(store)
    running = daemon_runs(config.folders.state_path)
    profile = resolve_profile(config.models)
    counts = store.counts("status")
    return {
        "running": running,
        "daemon": asdict(state) if state else None,
        "profile": profile,
        "profile_notice": profile_notice(config.models),
        "device": state.device if state else "",
        "unsorted": str(config.folders.unsorted_path),
        "library": str(config.folders.library_path),
        "database": str(config.folders.database_path),
        "counts": {name.value: counts.get(name.value, 0) for name in list(Status)[1:]},
        "total": sum(counts.values()),
        "categories": store.counts("category"),
        "kinds": store.counts("kind"),
        "learnt": _learnt(context),
        "retrying": [
            {"path": str(attempt.path), "tries": attempt.tries, "next_at": attempt.next_at.isoformat()}
            | {"reason": attempt.reason}
            for attempt in store.attempts()
        ],
    }


def _learnt(context: Context) -> dict[str, Any]:
    """What was learnt: the taste's last figures, and of each category how right it is."""
    figures = next(iter(trainings(context.database, 1)), None)
    known = learnt_categories(context.database)
    return {
        "taste": _taste(figures) if figures else None,
        "categories": {
            each.category: {
                **msgspec.to_builtins(each),
                "files": each.files,
                "on_probation": each.on_probation,
                "rules_fail": each.category not in context.config.worded_categories
                and each.rules_fail(context.config.taste.precision),
            }
            for each in known
        },
    }


def _taste(figures: Figures) -> dict[str, Any]:
    trust = {"earns_trust": figures.earns_trust, "on_probation": figures.on_probation}
    return {**msgspec.to_builtins(figures), **trust, "more_labels": figures.more_labels}


def _lines(report: dict[str, Any]) -> list[tuple[str, str]]:
    daemon: dict[str, Any] = report["daemon"] or {}
    counts = ", ".join(f"{number:,} {name}" for name, number in report["counts"].items() if number)
    categories = ", ".join(f"{safe(name)} {number:,}" for name, number in report["categories"].items())
    others = ", ".join(f"{number} {kind}" for kind, number in daemon.get("others", {}).items())
    lines = [
        ("daemon", _daemon_line(report)),
        ("profile", report["profile_notice"]),
        ("device", report["device"]),
        ("unsorted", safe(report["unsorted"])),
        ("library", safe(report["library"])),
        ("pictures", f"{report['total']:,}: {counts}" if counts else "none yet"),
        ("categories", categories),
        ("taste", _taste_line(report["learnt"]["taste"])),
        ("learnt", _categories_line(report["learnt"]["categories"])),
        ("left alone", others),
    ]
    lines += [("special", f"{safe(path)}: {what}") for path, what in daemon.get("specials", {}).items()]
    lines += [
        (
            "retrying",
            f"{safe(entry['path'])}: {safe(entry['reason'])} (try {entry['tries']}, next {_ago(entry['next_at'])})",
        )
        for entry in report["retrying"]
    ]
    lines += [("error", safe(text)) for text in daemon.get("last_errors", ())]
    return lines


def _daemon_line(report: dict[str, Any]) -> str:
    daemon = report["daemon"]
    if not report["running"]:
        return "not running; `curated run` starts it, `curated service install` starts it with the session"
    if not daemon:
        return "starting"
    text = f"{daemon['activity']} (process {daemon['pid']}, since {daemon['started_at'][:16].replace('T', ' ')} UTC)"
    if daemon["detail"]:
        text += f": {safe(daemon['detail'])}"
    if daemon["activity"] == "working":
        text += f"; {daemon['waiting']:,} waiting, {daemon['in_work']} in work, {daemon['rate']:.0f} a minute"
    return text


def _taste_line(taste: dict[str, Any] | None) -> str:
    if taste is None:
        return ""
    trust = "trusted" if taste["earns_trust"] else "not trusted yet"
    if taste["on_probation"]:
        trust = f"on probation until {taste['more_labels']} more verdicts bear it out"
    return f"AUC {taste['auc']:.2f} ({taste['auc_low']:.2f} to {taste['auc_high']:.2f}), {trust}"


def _categories_line(categories: dict[str, Any]) -> str:
    return ", ".join(
        f"{safe(name)} {each['precision']:.0%}" + (" on probation" if each["on_probation"] else "")
        if each["filed"]
        else f"{safe(name)} {'to the review' if each['rules_fail'] else 'by the rules'}"
        for name, each in categories.items()
    )


def _ago(moment: str) -> str:
    seconds = (datetime.fromisoformat(moment) - datetime.now(UTC)).total_seconds()
    return "now" if seconds <= 0 else f"in {seconds:.0f} s"
