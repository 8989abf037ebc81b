//! A Vault of several nodes.

use crate::program::free_port;
use crate::vault::Vault;
use crate::wait::wait_for;

/// Starts so many nodes. The first one is active, the others lead a client to it.
#[must_use]
pub fn start(size: usize) -> Vec<Vault> {
    let mut first = Vault::launch(Some(free_port()), "");
    let key = first.initialise();
    let leader = first.container().inner_address();
    let join = format!("retry_join {{ leader_api_addr = \"http://{leader}\" }}");
    let mut nodes = vec![first];
    while nodes.len() < size {
        let mut node = Vault::launch(Some(free_port()), &join);
        wait_for("the node has joined, is unsealed and stands by", || {
            node.unseal_as(&nodes[0], &key);
            (node.health() == 429).then_some(())
        });
        nodes.push(node);
    }
    // A node may vote for a new leader only when it has been there for ten seconds.
    wait_for("all nodes vote", || (voters(&nodes[0]) == size).then_some(()));
    nodes
}

fn voters(node: &Vault) -> usize {
    let raft = node.call("GET", "sys/storage/raft/configuration", None);
    let servers = raft["data"]["config"]["servers"].as_array();
    servers.map_or(0, |servers| {
        servers.iter().filter(|server| server["voter"] == true).count()
    })
}
