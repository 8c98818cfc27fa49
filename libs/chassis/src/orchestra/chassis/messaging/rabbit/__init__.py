"""The RabbitMQ room: the only place that knows the broker and its client libraries."""
