"""Admin pages that only show, and that cost no more when there are millions of rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.admin import ShowFacets, SimpleListFilter
from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse

from packhorse.integrations.django.application import application

if TYPE_CHECKING:
    from packhorse.integrations.django.bases import Untyped

    class ModelAdmin(Untyped):
        """`django.contrib.admin.ModelAdmin`."""

        fieldsets: Sequence[Any]
        list_display: Sequence[str]
        list_filter: Sequence[Any]
        ordering: Sequence[str]
        readonly_fields: Sequence[str]
        search_fields: Sequence[str]

        def change_view(self, request: Any, object_id: str, form_url: str = "", extra_context: Any = None) -> Any:
            """The page of one."""

        def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
            """The page of all."""

        def get_queryset(self, request: Any) -> Any:
            """The rows."""

        def has_view_permission(self, request: Any, obj: object = None) -> bool:
            """Whether somebody may look."""
            ...

    class Paginator(Untyped):
        """`django.core.paginator.Paginator`."""

    class Filter(Untyped):
        """`django.contrib.admin.SimpleListFilter`."""

else:
    from django.contrib.admin import ModelAdmin
    from django.core.paginator import Paginator

    Filter = SimpleListFilter

COUNTED = 10_000
NEWEST = 100_000


class FewPages(Paginator):
    """Counts and turns no further than a person leafs."""

    @cached_property
    def count(self) -> int:
        """How many there are, up to a limit: counting millions takes seconds, and so does page 50,000."""
        return int(self.object_list.order_by("-pk")[:COUNTED].count())


class Shown(ModelAdmin):
    """Rows to be read: nothing is added, changed or deleted here, whatever rights somebody has."""

    actions = None
    paginator = FewPages
    show_full_result_count = False
    show_facets: Any = ShowFacets.NEVER
    sortable_by: Sequence[Any] = ()
    list_per_page = 50
    list_max_show_all = 200

    def has_add_permission(self, request: object) -> bool:
        """Nobody."""
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        """Nobody."""
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        """Nobody."""
        return False


class Listing(Shown):
    """A page with all there are, as few as they are, told by the application itself."""

    remark = ""
    headers: Sequence[str] = ()

    def rows(self) -> Iterable[Sequence[object]]:
        """What stands below the headers."""
        raise NotImplementedError

    def changelist_view(self, request: Any, extra_context: Any = None) -> Any:
        """The page."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": self.opts.verbose_name_plural.capitalize(),
            "opts": self.opts,
            "remark": self.remark,
            "headers": self.headers,
            "rows": list(self.rows()),
            "failures": application().list_load_failures(),
        }
        return TemplateResponse(request, "packhorse/listing.html", context)

    def has_view_permission(self, request: Any, obj: object = None) -> bool:
        """As usual; but of one alone there is no page."""
        return obj is None and bool(super().has_view_permission(request))


class ByQueue(Filter):
    """By queue, whose names are known without a look at the jobs."""

    title = "queue"
    parameter_name = "queue"

    def lookups(self, request: object, model_admin: object) -> list[tuple[str, str]]:
        """The queues."""
        return [(one.name, one.name) for one in application().list_queues()]

    def queryset(self, request: object, queryset: Any) -> Any:
        """Those of the queue."""
        return queryset if self.value() is None else queryset.filter(queue=self.value())


def newest(queryset: Any) -> Any:
    """The newest of all rows of the model, so that no search or filter reads more than these."""
    model = queryset.model.objects
    oldest = model.order_by("-pk").values_list("pk", flat=True)[NEWEST : NEWEST + 1].first()
    return queryset if oldest is None else queryset.filter(pk__gt=oldest)
