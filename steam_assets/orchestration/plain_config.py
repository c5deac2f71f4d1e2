"""Op config that is used verbatim.

Belongs here: the schema that Dagster shows and validates, and reading the config. Does not belong here: particular
configs (the ops' modules).

``dagster.Config`` accepts ``{env: NAME}`` for any string, number or boolean and puts that variable's value into the
config, so anyone who may start a run could read the process's secrets in an error message. Here the type rejects it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Self, get_args, get_origin

import dagster as dg
from pydantic import BaseModel, ConfigDict, ValidationError

from steam_assets.orchestration.failures import permanent


class PlainConfig(BaseModel):
    """Base of an op's config: ``config_schema=X.fields()`` declares it, ``X.of(context)`` reads it.

    Fields are bool, int, str, and lists and mappings of these, each with a default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def fields(cls) -> dict[str, dg.Field]:
        """The schema; its types do not accept ``env``."""
        return {
            name: dg.Field(_schema(field.annotation), default_value=field.get_default(call_default_factory=True))
            for name, field in cls.model_fields.items()
        }

    @classmethod
    def of(cls, context: dg.OpExecutionContext) -> Self:
        """The config of a run. A permanent failure names an invalid field but not its value."""
        try:
            return cls.model_validate(context.op_config)
        except ValidationError as error:
            faults = error.errors(include_input=False, include_context=False, include_url=False)
            problems = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults)
        raise permanent(f"the run's config cannot be used: {problems}; correct it and launch the run again")


def _schema(annotation: object) -> object:
    if get_origin(annotation) is list:
        return [_schema(get_args(annotation)[0])]
    if get_origin(annotation) in (dict, Mapping):
        key, value = get_args(annotation)
        return dg.Map(key, _schema(value))
    # Dagster does not check what the type is annotated with; ``of`` does.
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation
