//! What the manifests in `deploy/` say, read from the files that users apply.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use serde_json::Value;

/// A YAML file with its documents.
#[derive(Debug)]
pub struct Manifest {
    /// Below `deploy/`.
    pub file: String,
    documents: Vec<Value>,
}

/// A CronJob.
#[derive(Debug)]
pub struct CronJob<'a> {
    /// The whole document.
    pub document: &'a Value,
    /// Its init containers, then its containers.
    pub containers: Vec<Container>,
}

/// A container of a CronJob's pod.
#[derive(Debug)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image, without a tag in our own files: kustomizations set that. Empty in a patch that leaves it.
    pub image: String,
    /// The words after the image's entry point.
    pub args: Vec<String>,
    /// Its variables; those that come from a Secret or the like without a value.
    pub env: Vec<(String, Option<String>)>,
    /// The Secrets whose keys all become variables.
    pub secrets: Vec<String>,
    /// The variables that come from one key of a Secret each.
    pub references: Vec<Reference>,
    /// The whole definition.
    pub definition: Value,
}

/// A variable that comes from one key of a Secret.
#[derive(Debug, PartialEq, Eq)]
pub struct Reference {
    /// The variable's name.
    pub variable: String,
    /// The Secret's name.
    pub secret: String,
    /// The key in it.
    pub key: String,
}

impl Manifest {
    /// Reads a file below `deploy/`.
    pub fn read(file: &str) -> Self {
        let text = fs::read_to_string(deploy().join(file)).unwrap_or_else(|err| panic!("read deploy/{file}: {err}"));
        Self::parse(file, &text)
    }

    /// Everything with whole CronJobs in it: the plain manifests, and the chart as it renders.
    pub fn all() -> Vec<Self> {
        let plain = ["base/cronjob", "split/cronjob-split", "check/cronjob", "prune/cronjob"];
        let mut all: Vec<Self> = plain
            .iter()
            .map(|name| Self::read(&format!("kubernetes/{name}.yaml")))
            .collect();
        all.extend(Self::read_all("helm/snapline/ci/golden"));
        assert!(all.len() >= 12, "{} files", all.len());
        all
    }

    /// Reads all YAML files of a folder below `deploy/`.
    pub fn read_all(folder: &str) -> Vec<Self> {
        let mut names: Vec<String> = fs::read_dir(deploy().join(folder))
            .unwrap_or_else(|err| panic!("list deploy/{folder}: {err}"))
            .map(|entry| entry.expect("a file").file_name().to_string_lossy().into_owned())
            .filter(|name| name.ends_with(".yaml"))
            .collect();
        names.sort();
        names
            .iter()
            .map(|name| Self::read(&format!("{folder}/{name}")))
            .collect()
    }

    fn parse(file: &str, text: &str) -> Self {
        let documents =
            serde_saphyr::from_multiple(text).unwrap_or_else(|err| panic!("read deploy/{file} as YAML: {err}"));
        Self {
            file: file.into(),
            documents,
        }
    }

    /// Its CronJobs.
    pub fn cron_jobs(&self) -> Vec<CronJob<'_>> {
        self.of_kind("CronJob").map(CronJob::new).collect()
    }

    /// Its Secrets: for each name the keys and their values.
    pub fn secrets(&self) -> BTreeMap<String, BTreeMap<String, String>> {
        self.of_kind("Secret")
            .map(|secret| {
                let data = secret["stringData"].as_object().expect("stringData");
                let data = data.iter().map(|(key, value)| (key.clone(), text(value))).collect();
                (text(&secret["metadata"]["name"]), data)
            })
            .collect()
    }

    /// The patches of a kustomization, as documents: whole objects, or lists of operations.
    pub fn patches(&self) -> Vec<Value> {
        let patches = self
            .documents
            .iter()
            .filter_map(|document| document["patches"].as_array());
        patches
            .flatten()
            .flat_map(|patch| Self::parse(&self.file, &text(&patch["patch"])).documents)
            .collect()
    }

    /// The pods of its Jobs.
    pub fn job_pods(&self) -> Vec<&Value> {
        self.of_kind("Job")
            .map(|job| &job["spec"]["template"]["spec"])
            .collect()
    }

    /// Its documents of this kind.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.documents.iter().filter(move |document| document["kind"] == kind)
    }
}

impl<'a> CronJob<'a> {
    /// A document of that kind, or a patch for one.
    pub fn new(document: &'a Value) -> Self {
        let pod = &document["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        Self {
            document,
            containers: Container::all_of(pod),
        }
    }

    /// The specification of its jobs.
    pub fn job(&self) -> &Value {
        &self.document["spec"]["jobTemplate"]["spec"]
    }

    /// The specification of their pods.
    pub fn pod(&self) -> &Value {
        &self.job()["template"]["spec"]
    }

    /// The container of that name.
    pub fn container(&self, name: &str) -> &Container {
        self.containers
            .iter()
            .find(|container| container.name == name)
            .unwrap_or_else(|| panic!("no container '{name}'"))
    }
}

impl Container {
    /// Those of a pod: its init containers, then its containers.
    pub fn all_of(pod: &Value) -> Vec<Self> {
        let lists = ["initContainers", "containers"].into_iter();
        lists
            .filter_map(|list| pod[list].as_array())
            .flatten()
            .map(Self::new)
            .collect()
    }

    fn new(definition: &Value) -> Self {
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        Self {
            name: text(&definition["name"]),
            image: definition["image"].as_str().unwrap_or_default().to_owned(),
            args: list(&definition["args"]).iter().map(text).collect(),
            env: list(&definition["env"])
                .iter()
                .map(|variable| (text(&variable["name"]), variable["value"].as_str().map(str::to_owned)))
                .collect(),
            secrets: list(&definition["envFrom"])
                .iter()
                .filter_map(|source| source["secretRef"]["name"].as_str().map(str::to_owned))
                .collect(),
            references: list(&definition["env"]).iter().filter_map(Reference::new).collect(),
            definition: definition.clone(),
        }
    }

    /// The programs of its pipe.
    pub fn programs(&self) -> Vec<&str> {
        self.args
            .split(|word| word == "|")
            .map(|stage| stage.first().expect("a program").as_str())
            .collect()
    }
}

impl Reference {
    fn new(variable: &Value) -> Option<Self> {
        let reference = variable["valueFrom"]["secretKeyRef"].as_object()?;
        Some(Self {
            variable: text(&variable["name"]),
            secret: text(&reference["name"]),
            key: text(&reference["key"]),
        })
    }
}

fn deploy() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("a text, not {value}"))
        .to_owned()
}
