from collections.abc import Mapping, Sequence
from ssl import SSLContext
from typing import Protocol, TypedDict

from aiokafka.admin.config_resource import ConfigResource
from aiokafka.structs import TopicPartition

class _Partition(TypedDict):
    error_code: int
    partition: int
    leader: int
    replicas: list[int]
    isr: list[int]

class _Topic(TypedDict):
    error_code: int
    topic: str
    partitions: list[_Partition]

class _Cluster(TypedDict):
    cluster_id: str | None

class _CreateTopicsResponse(Protocol):
    topic_errors: Sequence[tuple[str, int, *tuple[str | None, ...]]]

_ConfigEntry = tuple[str, str | None, *tuple[object, ...]]

class _DescribeConfigsResponse(Protocol):
    resources: Sequence[tuple[int, str | None, int, str, Sequence[_ConfigEntry]]]

class NewTopic:
    def __init__(
        self,
        name: str,
        num_partitions: int,
        replication_factor: int,
        replica_assignments: Mapping[int, Sequence[int]] | None = ...,
        topic_configs: Mapping[str, str] | None = ...,
    ) -> None: ...

class NewPartitions:
    def __init__(self, total_count: int, new_assignments: Sequence[Sequence[int]] | None = ...) -> None: ...

class RecordsToDelete:
    def __init__(self, before_offset: int) -> None: ...

class AIOKafkaAdminClient:
    def __init__(
        self,
        *,
        bootstrap_servers: str | list[str] = ...,
        request_timeout_ms: int = ...,
        retry_backoff_ms: int = ...,
        security_protocol: str = ...,
        ssl_context: SSLContext | None = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str | None = ...,
        sasl_plain_password: str | None = ...,
    ) -> None: ...
    async def start(self) -> None: ...
    async def close(self) -> None: ...
    async def create_topics(self, new_topics: Sequence[NewTopic]) -> _CreateTopicsResponse: ...
    async def delete_topics(self, topics: Sequence[str]) -> object: ...
    async def describe_topics(self, topics: Sequence[str] | None = ...) -> list[_Topic]: ...
    async def describe_cluster(self) -> _Cluster: ...
    async def describe_configs(self, config_resources: Sequence[ConfigResource]) -> list[_DescribeConfigsResponse]: ...
    async def alter_configs(self, config_resources: Sequence[ConfigResource]) -> object: ...
    async def create_partitions(self, topic_partitions: Mapping[str, NewPartitions]) -> object: ...
    async def delete_records(
        self, records_to_delete: Mapping[TopicPartition, RecordsToDelete]
    ) -> dict[TopicPartition, int]: ...
