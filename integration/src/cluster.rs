//! A Vault of several nodes.

use serde_json::json;

use crate::program::free_port;
use crate::vault::Vault;
use crate::wait::wait_for;

/// Starts so many nodes. The first in the list is active, the others lead a client to it.
#[must_use]
pub fn start(size: usize) -> Vec<Vault> {
    let mut first = Vault::launch(Some(free_port()), "");
    let key = first.initialise();
    // A node votes for a leader, and may become one, only when it has been there for so long: ten seconds by default.
    let soon = json!({"server_stabilization_time": "1s"});
    first.call("POST", "sys/storage/raft/autopilot/configuration", Some(&soon));
    let leader = first.container().inner_address();
    let join = format!("retry_join {{ leader_api_addr = \"http://{leader}\" }}");
    let mut nodes = vec![first];
    while nodes.len() < size {
        let mut node = Vault::launch(Some(free_port()), &join);
        // Not once more: a node that gets its key again while it joins waits for the lead twice over, and once it leads it may
        // not hear that it shall step down ("manual step-down operation already queued").
        wait_for("the node takes its key", || {
            node.unseal_as(&nodes[0], &key).then_some(())
        });
        wait_for("the node has joined and stands by", || {
            (node.health() == 429).then_some(())
        });
        nodes.push(node);
    }
    // Without votes there is nobody to step down for. On a busy machine the first node may have lost the lead meanwhile.
    wait_for("all nodes vote, and one of them leads", || {
        nodes.sort_by_key(|node| !node.is_active());
        (nodes[0].is_active() && voters(&nodes[0]) == Some(size)).then_some(())
    });
    nodes
}

/// How many nodes vote, if this one says so: one that has just lost the lead does not.
fn voters(node: &Vault) -> Option<usize> {
    let (_, raft) = node.send("GET", "sys/storage/raft/configuration", node.root_token(), None);
    let servers = raft["data"]["config"]["servers"].as_array()?;
    Some(servers.iter().filter(|server| server["voter"] == true).count())
}
