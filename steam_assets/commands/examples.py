"""Examples of every command, as its ``--help`` shows them.

Belongs here: a command line with what it does. Does not belong here: what options mean (the commands).
"""

from __future__ import annotations

from collections.abc import Mapping

Examples = Mapping[str, str]
"""What a command line does, by the command line without ``steam-assets``."""

EXAMPLES: Mapping[str, Examples] = {
    "demo": {
        "demo": "three days, two weeks and a month, here, in two minutes",
        "demo --days 35 --weeks 13 --months 2": "enough for every chart of the dashboard",
        "demo --replay recorded": "the same over recorded responses",
    },
    "dev": {
        "dev": "the Dagster UI at http://127.0.0.1:3000",
        "dev --port 3001": "where port 3000 is in use",
    },
    "run": {
        "run daily": "today's most played, now",
        "run top_sellers --from 2026-09-01 --to 2026-11-10": "catch up eleven weeks",
        "run monthly_visits --from 2026-10": "one month",
        "run reviews --from 2026-11-10 --stage clean": "one stage alone",
        "run top_sellers --from 2026-11-10 --refetch": "ask the source again",
    },
    "status": {
        "status": "every partition, and what is late or missing",
        "status --source reviews": "one source",
        "status --home data/demo": "the demo's lake",
        "status --json": "for programs; exit code 3 if a source is late",
    },
    "refresh": {"refresh": "after runs of single stages, or of other programs"},
    "dashboard": {
        "dashboard --open": "write it and open it in the browser",
        "dashboard --home data/demo": "of the demo's lake",
        "dashboard --out market.html": "into another file",
    },
    "export": {
        "export": "everything, into HOME/exports",
        "export --table reviews --partition 2026-11-10": "one week of one table",
        "export --table insight_market_day --to /tmp/market": "one insight, into another folder",
    },
    "trace": {
        "trace reviews --partition 2026-11-10 --app 730": "the answers that one game's rows were read from",
        "trace market_day --partition 2026-11-10": "the partitions that an insight was computed from",
    },
    "verify": {
        "verify": "everything that is kept",
        "verify --source reviews --partition 2026-11-10": "one partition",
    },
    "restore": {
        "restore --source reviews --partition 2026-11-10": "one partition, in place",
        "restore": "show what would be restored, and ask",
        "restore --yes --to /mnt/restored": "everything, into another folder, without asking",
    },
    "drill": {"drill": "prove that every backup restores", "drill --source news": "the backups of one source"},
    "housekeeping": {
        "housekeeping": "what would be deleted",
        "housekeeping --keep-days 30 --apply": "delete what is older than 30 days and verified in the backup",
    },
    "relocate": {"relocate": "after copying a lake and setting STEAM_HOME to the copy"},
    "import-history": {
        "import-history ../old-pipeline --dry-run": "what would be imported",
        "import-history ../old-pipeline": "import and clean it",
    },
    "doctor": {
        "doctor": "what is wrong, and how to fix it",
        "doctor --settings": "every setting, its value and where it was set",
    },
    "broker": {"broker": "for runs that other processes start"},
    "simulate": {"simulate --port 8765": "a market of 100 games", "simulate --seed 8 --apps 20": "another one"},
    "jars": {"jars /opt/steam-jars": "then set STEAM_JARS_DIR=/opt/steam-jars"},
    "warm": {"warm": "once for each machine"},
    "show raw": {"show raw reviews 2026-11-10 --app 730 | jq .body": "one game's answers of a week"},
    "catalog rebuild": {
        "catalog rebuild": "all four catalogs",
        "catalog rebuild --root clean": "that of the clean tables",
    },
}


def epilog(command: str) -> str:
    """The examples as the end of a help text, to be copied into a shell."""
    lines = [f"steam-assets {line}  # {meaning}" for line, meaning in EXAMPLES[command].items()]
    return "\n\n".join(["Examples:", *lines])
