//! Which node gets the archive.

use std::time::{Duration, Instant};

use snapline_cli::{Failure, Kind};
use snapline_vault::{Address, Client, NodeState, Standing};

/// How long a node may take to say what it is. A wrong address should fail fast; a node that applies an archive or steps down
/// takes some seconds.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// The same for an address that is not needed.
const PROBE: Duration = Duration::from_secs(3);

/// How long a cluster may be without a leader: elections of busy clusters take longer than a few tries.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two looks at it.
const PAUSE: Duration = Duration::from_secs(1);

/// The leader, and everybody who was named.
#[derive(Debug)]
pub(crate) struct Target {
    /// Where the leader is.
    pub(crate) address: Address,
    /// What it says about itself; where its own address does not say, what the named node says that leads there.
    pub(crate) leader: NodeState,
    /// Every named node.
    pub(crate) nodes: Vec<NodeState>,
}

impl Target {
    /// The index that the leader has committed; 0 where it does not tell.
    pub(crate) fn index(&self) -> u64 {
        index(&self.leader)
    }
}

/// The last index that `node` knows to be committed; 0 where it does not tell.
pub(crate) fn index(node: &NodeState) -> u64 {
    node.leader
        .as_ref()
        .map_or(0, |leader| leader.committed().max(leader.index()))
}

/// Finds the node that leads: a named one, or the one that a named one knows.
///
/// # Errors
/// 69 if none leads, with what each node is.
pub(crate) fn find(client: &Client) -> Result<Target, Failure> {
    let end = Instant::now() + PATIENCE;
    loop {
        let nodes = client.nodes(LIMIT);
        if let Some(target) = among(client, &nodes)? {
            return Ok(target);
        }
        let may_elect = nodes.iter().any(NodeState::is_unsealed);
        if !may_elect || Instant::now() >= end {
            return Err(leaderless(&nodes));
        }
        log::info!("no node leads; looking again");
        std::thread::sleep(PAUSE);
    }
}

fn among(client: &Client, nodes: &[NodeState]) -> Result<Option<Target>, Failure> {
    let target = |leader: NodeState| Target {
        address: leader.address.clone(),
        leader,
        nodes: nodes.to_vec(),
    };
    if let Some(leader) = nodes.iter().find(|node| node.is_active()) {
        return Ok(Some(target(
            own_address(client, leader).unwrap_or_else(|| leader.clone()),
        )));
    }
    for node in nodes.iter().filter(|node| node.is_unsealed()) {
        let Some(leader) = node.leader.as_ref().filter(|leader| !leader.leader_address.is_empty()) else {
            continue;
        };
        let address = client.leader_at(&node.address, &leader.leader_address)?;
        let state = client.node(&address, LIMIT);
        log::info!("'{}' names '{address}' as the leader: {state}", node.address);
        if let Standing::Silent(error) = &state.standing {
            return Err(Failure::says(
                Kind::Unavailable,
                format!("find the leader of '{}': {error}", node.address),
            )
            .hint("its api_addr must be a URL that clients reach; or name the leader by --address"));
        }
        if state.is_active() {
            return Ok(Some(target(state)));
        }
    }
    Ok(None)
}

/// The leader at the address that it gives itself, where that can be reached: behind the named one there may be a load
/// balancer, which hands the archive to another node.
fn own_address(client: &Client, leader: &NodeState) -> Option<NodeState> {
    let own = &leader.leader.as_ref()?.leader_address;
    let address = client.leader_at(&leader.address, own).ok()?;
    if address == leader.address {
        return None;
    }
    let state = client.node(&address, PROBE);
    log::info!("'{}' gives itself the address '{address}': {state}", leader.address);
    (state.is_active() && state.cluster_id == leader.cluster_id).then_some(state)
}

fn leaderless(nodes: &[NodeState]) -> Failure {
    let shown: Vec<String> = nodes
        .iter()
        .map(|node| match &node.standing {
            Standing::Silent(error) => error.to_string(),
            standing => format!("'{}' is {standing}", node.address),
        })
        .collect();
    let failure = Failure::says(Kind::Unavailable, format!("find the leader: {}", shown.join("; ")));
    let has = |wanted: fn(&Standing) -> bool| nodes.iter().any(|node| wanted(&node.standing));
    if has(|standing| matches!(standing, Standing::Sealed)) {
        failure.hint("unseal it with its own keys first: only a leader takes an archive")
    } else if has(|standing| matches!(standing, Standing::Uninitialized)) {
        failure.hint("initialise and unseal it first ('vault operator init'), then restore with --force: its own keys are replaced by those of the archive's cluster")
    } else if has(|standing| {
        matches!(
            standing,
            Standing::Standby | Standing::PerformanceStandby | Standing::CutOff
        )
    }) {
        failure.hint("wait until the nodes have elected a leader, or name the leader by --address")
    } else {
        failure
    }
}
