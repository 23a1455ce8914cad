//! RabbitMQ transport of rpc-core.
