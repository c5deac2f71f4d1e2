"""Examples of every command, as its ``--help`` shows them.

Belongs here: command lines with what they do. Does not belong here: what options mean (the commands).
"""

from __future__ import annotations

from collections.abc import Mapping

Examples = Mapping[str, str]
"""By command: command lines (without ``steam-assets``) and what they do."""

EXAMPLES: Mapping[str, Examples] = {
    "tour": {
        "tour --open": "write it and open it in the browser",
        "tour --out market.html": "to another file",
    },
    "demo": {
        "demo": "35 days, 13 weeks and three months, in about two minutes",
        "demo --days 3 --weeks 2 --months 1": "less data, to see the pipeline work",
        "demo --replay recorded": "the same with recorded responses",
    },
    "dev": {
        "dev": "the Dagster UI at http://127.0.0.1:3000",
        "dev --port 3001": "if port 3000 is in use",
    },
    "run": {
        "run daily": "today's chart, store facts and one sample of players, now",
        "run top_sellers --from 2026-09-01 --to 2026-11-10": "backfill eleven weeks",
        "run monthly_visits --from 2026-10": "one month",
        "run reviews --from 2026-11-10 --stage clean": "one stage only",
        "run top_sellers --from 2026-11-10 --refetch": "fetch it again",
    },
    "status": {
        "status": "every partition, and what is late or missing",
        "status --source reviews": "one source",
        "status --home data/demo": "the demo's lake",
        "status --json": "machine-readable; exit code 3 if a source is late",
    },
    "refresh": {
        "refresh": "after running single stages, or after other programs wrote data",
        "refresh --all": "after a file of an insight was lost or damaged",
    },
    "dashboard": {
        "dashboard --open": "write it and open it in the browser",
        "dashboard --home data/demo": "for the demo's lake",
        "dashboard --out market.html": "to another file",
    },
    "sql": {
        'sql "show tables"': "list the tables",
        'sql "select name, max(players_peak) as peak from most_played group by name order by peak desc limit 10"': (
            "the ten games with the highest peaks"
        ),
        'sql "select * from insight_market_day" --csv market.csv': "write the whole result to a file",
        'sql "describe reviews"': "list the columns of a table",
        "sql": "open a prompt with completion",
        "sql < questions.sql": "run the statements in a file",
    },
    "export": {
        "export": "everything, to HOME/exports",
        "export --table reviews --partition 2026-11-10": "one week of one table",
        "export --table insight_market_day --to /tmp/market": "one insight, to another folder",
    },
    "release": {
        "release market-2026-11": "everything, without texts, with a card and checksums",
        "release market-2026-11 --with-text": "with the texts of reviews and news",
        "release market-2026-11 --home data/demo": "the demo's lake",
    },
    "contracts": {"contracts contracts": "one YAML document per table"},
    "trace": {
        "trace reviews --partition 2026-11-10 --app 730": "the responses that one game's rows came from",
        "trace market_day --partition 2026-11-10": "the partitions that an insight was computed from",
    },
    "verify": {
        "verify": "everything",
        "verify --source reviews --partition 2026-11-10": "one partition",
    },
    "restore": {
        "restore --source reviews --partition 2026-11-10": "one partition, in place",
        "restore": "show what would be restored, then ask",
        "restore --yes --to /mnt/restored": "everything, to another folder, without asking",
    },
    "exclude": {
        "exclude most_played --partition 2026-11-10": "list the batches of a partition",
        "exclude most_played --partition 2026-11-10 --batch 5f0c9c4be30e4f6b8a7d1f9b9a3c2d10": "exclude one of them",
    },
    "drill": {"drill": "prove that every backup can be restored", "drill --source news": "the backups of one source"},
    "housekeeping": {
        "housekeeping": "what would be deleted",
        "housekeeping --keep-days 30 --apply": "delete what is older than 30 days and verified in the backup",
    },
    "relocate": {"relocate": "after copying a lake and setting STEAM_HOME to the copy"},
    "import-history": {
        "import-history ../old-pipeline --dry-run": "what would be imported",
        "import-history ../old-pipeline": "import and clean",
    },
    "doctor": {
        "doctor": "problems and how to fix them",
        "doctor --settings": "every setting, its value and its origin",
        "doctor --home data/demo": "of the demo's lake",
    },
    "broker": {"broker": "for runs started by other processes"},
    "simulate": {"simulate --port 8765": "a market with 100 games", "simulate --seed 8 --apps 20": "another market"},
    "mcp": {
        "mcp": "on stdin and stdout, as a client of the protocol starts it",
        "mcp --http --port 8775": "for clients that connect to http://127.0.0.1:8775/mcp",
        "mcp --seconds 5 --rows 50": "with stricter limits",
    },
    "jars": {"jars /opt/steam-jars": "then set STEAM_JARS_DIR=/opt/steam-jars"},
    "warm": {"warm": "once per machine"},
    "show raw": {"show raw reviews 2026-11-10 --app 730 | jq .body": "one game's responses of one week"},
    "catalog": {
        "catalog": "for pyiceberg, DuckDB, Polars, Spark, Athena and Tableau",
        "catalog --table steam_raw.reviews --engine duckdb": "one table in one program",
    },
    "catalog rebuild": {
        "catalog rebuild": "all four catalogs",
        "catalog rebuild --root clean": "the catalog of the clean tables",
    },
}


def epilog(command: str) -> str:
    """The examples as the epilog of a help text, ready to be copied into a shell."""
    lines = [f"steam-assets {line}  # {meaning}" for line, meaning in EXAMPLES[command].items()]
    return "\n\n".join(["Examples:", *lines])
