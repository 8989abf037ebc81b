//! `GET sys/health`.

use serde::Deserialize;

use super::Standing;

/// The parts of the response that matter (`http/sys_health.go` of Vault and OpenBao). The status says the same and less: it
/// is 429 also where a quota refuses the request, and 200 where somebody asks so in the URL.
#[derive(Debug, Deserialize)]
pub(super) struct Health {
    initialized: bool,
    sealed: bool,
    #[serde(default)]
    standby: bool,
    #[serde(default)]
    performance_standby: bool,
    #[serde(default)]
    replication_dr_mode: String,
    removed_from_cluster: Option<bool>,
    ha_connection_healthy: Option<bool>,
    enterprise: Option<bool>,
    pub(super) version: Option<String>,
    pub(super) cluster_name: Option<String>,
    pub(super) cluster_id: Option<String>,
}

impl Health {
    /// In the server's own order.
    pub(super) fn standing(&self) -> Standing {
        if !self.initialized {
            Standing::Uninitialized
        } else if self.removed_from_cluster == Some(true) {
            Standing::Removed
        } else if self.sealed {
            Standing::Sealed
        } else if self.ha_connection_healthy == Some(false) {
            Standing::CutOff
        } else if self.replication_dr_mode == "secondary" {
            Standing::DisasterRecovery
        } else if self.performance_standby {
            Standing::PerformanceStandby
        } else if self.standby {
            Standing::Standby
        } else {
            Standing::Active
        }
    }
}

impl Health {
    /// Whether it is OpenBao, which begins at version 2 and has no editions.
    pub(super) fn is_openbao(&self) -> bool {
        let major = self
            .version
            .as_deref()
            .and_then(|version| version.split('.').next()?.parse().ok());
        self.enterprise.is_none() && major.is_some_and(|major: u64| major >= 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_of_vault_has_a_standing() {
        for (more, expected) in [
            ("", "active"),
            (r#","standby":true"#, "standby"),
            (r#","standby":true,"performance_standby":true"#, "performance standby"),
            (r#","standby":true,"ha_connection_healthy":true"#, "standby"),
            (
                r#","standby":true,"ha_connection_healthy":false"#,
                "standby that does not reach the leader",
            ),
            (r#","replication_dr_mode":"secondary""#, "disaster recovery secondary"),
            (r#","replication_dr_mode":"primary""#, "active"),
            (r#","removed_from_cluster":true"#, "removed from its cluster"),
            (r#","removed_from_cluster":false"#, "active"),
        ] {
            let text = format!(r#"{{"initialized":true,"sealed":false{more}}}"#);
            let health: Health = serde_json::from_str(&text).unwrap();
            assert_eq!(health.standing().to_string(), expected, "{text}");
        }
        let sealed: Health = serde_json::from_str(r#"{"initialized":true,"sealed":true,"standby":true}"#).unwrap();
        assert_eq!(sealed.standing().to_string(), "sealed");
        let fresh: Health = serde_json::from_str(r#"{"initialized":false,"sealed":true,"standby":true}"#).unwrap();
        assert_eq!(fresh.standing().to_string(), "not initialised");
    }

    #[test]
    fn openbao_is_told_from_vault() {
        for (more, expected) in [
            (r#""version":"2.4.1""#, true),
            (r#""version":"1.14.0""#, false),
            (r#""version":"1.21.0","enterprise":false"#, false),
            (r#""version":"2.0.0","enterprise":true"#, false),
            (r#""version":"""#, false),
        ] {
            let text = format!(r#"{{"initialized":true,"sealed":false,{more}}}"#);
            let health: Health = serde_json::from_str(&text).unwrap();
            assert_eq!(health.is_openbao(), expected, "{text}");
        }
    }
}
