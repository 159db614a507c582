"""The commands as `manage.py packhorse` shows them."""

from __future__ import annotations

from packhorse.cli.main import PLACES, Root
from packhorse.cli.main import packhorse as everywhere

HELP = """Background work that commits with your data, for the jobs of this project.

    packhorse worker                        run jobs until stopped
    packhorse jobs list --state failed      see what needs a person
    packhorse queues list                   what waits, and where
    packhorse check                         whether the database is fit for it

The application is that of PACKHORSE in the settings, and the tasks are those in `tasks` and `jobs` of the installed
apps. --settings and --pythonpath are Django's. The schema comes with `manage.py migrate`. Every option can be set in
the environment, too: --limit of `jobs list` is PACKHORSE_JOBS_LIST_LIMIT.

Exit codes: 0 done; 1 failed; 2 usage, configuration, import or a missing permission in the database; 3 database
unreachable or unusable; 4 schema missing, older or newer; 5 killed after the shutdown timeout; 6 a job with that
unique key is there already; 9 stopped after --max-jobs.
"""

packhorse: Root = Root(
    "packhorse",
    places={name: place for name, place in PLACES.items() if name not in ("completion", "child")},
    help=HELP,
    context_settings=everywhere.context_settings,
)
