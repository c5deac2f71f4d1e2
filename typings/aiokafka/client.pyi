from ssl import SSLContext

from aiokafka.protocol.fetch import FetchRequest, FetchResponse
from aiokafka.structs import TopicPartition

class ClusterMetadata:
    def leader_for_partition(self, partition: TopicPartition) -> int | None: ...

class AIOKafkaClient:
    cluster: ClusterMetadata

    def __init__(
        self,
        *,
        bootstrap_servers: list[str],
        security_protocol: str = ...,
        request_timeout_ms: int = ...,
        retry_backoff_ms: int = ...,
        ssl_context: SSLContext = ...,
        sasl_mechanism: str = ...,
        sasl_plain_username: str = ...,
        sasl_plain_password: str = ...,
    ) -> None: ...
    async def bootstrap(self) -> None: ...
    async def close(self) -> None: ...
    async def send(self, node_id: int, request: FetchRequest) -> FetchResponse: ...
    async def force_metadata_update(self) -> bool: ...
    def add_topic(self, topic: str) -> None: ...
