//! Server, scheduler and collector as processes.

use crate::program::Program;

#[test]
fn the_roles_find_each_other_and_stop_in_order() {
    let mut collector = Program::start(env!("CARGO_BIN_EXE_collector"), &["--pool", "roles"]);
    collector.line_with("listening");
    let mut server = Program::start(env!("CARGO_BIN_EXE_compute-server"), &["--server", "host-a"]);
    server.line_with("host-a serves");

    let mut scheduler = Program::start(env!("CARGO_BIN_EXE_scheduler"), &["--count", "4"]);
    scheduler.line_with("vm-1 runs on host-a");
    collector.line_with("compute.instance.booted");
    scheduler.line_with("vm-4 was refused: 64 cores are more than the 16 of a host");
    assert!(scheduler.status().success());

    for program in [&mut server, &mut collector] {
        program.terminate();
        program.line_with("stopped");
        assert!(program.status().success());
    }
}
