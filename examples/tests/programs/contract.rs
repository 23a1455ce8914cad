//! The interface of the compute service, beside the one that was released.

use examples::compute::ComputeClient;
use rpc_core::contract;
use rpc_core::introspection::InterfaceDescription;

/// A change that would break hosts or callers of another version fails here. `RPC_CONTRACT=write` writes the file anew.
#[test]
fn nobody_who_has_the_released_interface_breaks() {
    let description = InterfaceDescription::new(&ComputeClient::INTERFACE);
    contract::check(&description, "compute.json").unwrap_or_else(|error| panic!("{error}"));
}
