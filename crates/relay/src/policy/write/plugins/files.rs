//! The files of a plugin: it is started again when one of them changes.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;

use crate::config::Plugin;

/// How often they are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// The files of a plugin as they were when they were last looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Files {
    paths: Vec<PathBuf>,
    states: Vec<Option<State>>,
}

/// What tells that a file has changed: device, inode, length, and time of the last change in seconds and nanoseconds.
type State = (u64, u64, u64, i64, i64);

impl Files {
    /// Looks at the program, unless it is looked for in `PATH`, and at the files that the configuration names.
    pub(super) fn new(plugin: &Plugin) -> Self {
        let program = plugin.command.iter().take(1);
        let own = program.filter(|program| program.contains('/'));
        let folder = Path::new(&plugin.directory);
        let paths: Vec<PathBuf> = own
            .chain(&plugin.watch)
            .map(|path| folder.join(path))
            .collect();
        let states = paths.iter().map(|path| state(path)).collect();
        Self { paths, states }
    }

    /// Looks at them again, and tells whether one has changed. One that is gone is not: it is about to be replaced.
    fn look(&mut self) -> bool {
        let mut changed = false;
        for (path, state_before) in self.paths.iter().zip(&mut self.states) {
            let state = state(path);
            if state.is_some() && state != *state_before {
                *state_before = state;
                changed = true;
            }
        }
        changed
    }
}

fn state(path: &Path) -> Option<State> {
    let of = |data: Metadata| {
        (
            data.dev(),
            data.ino(),
            data.len(),
            data.mtime(),
            data.mtime_nsec(),
        )
    };
    std::fs::metadata(path).ok().map(of)
}

/// Looks at the files again and again, and tells whoever listens of changes, as long as somebody does.
pub(super) async fn watch(mut files: Files, changes: watch::Sender<()>) {
    while !files.paths.is_empty() {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = changes.closed() => return,
        }
        // A file system may take its time.
        let looked = tokio::task::spawn_blocking(move || {
            let changed = files.look();
            (files, changed)
        });
        let Ok((again, changed)) = looked.await else {
            return;
        };
        files = again;
        if changed {
            changes.send_replace(());
        }
    }
    changes.closed().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_3_a_change_of_a_file_is_seen_once() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("list"), "one").unwrap();
        let mut files = Files::new(&Plugin {
            command: vec!["./program".into(), "list".into()],
            directory: folder.path().to_str().unwrap().into(),
            watch: vec!["list".into()],
            ..Plugin::default()
        });
        assert!(!files.look());
        std::fs::write(at("list"), "one and two").unwrap();
        assert!(files.look());
        assert!(!files.look());
        std::fs::write(at("program"), "x").unwrap();
        assert!(files.look(), "it is there now");
        std::fs::remove_file(at("list")).unwrap();
        assert!(!files.look(), "about to be replaced");
        std::fs::write(at("new"), "one and two").unwrap();
        std::fs::rename(at("new"), at("list")).unwrap();
        assert!(files.look());
    }

    #[test]
    fn r4_3_a_program_in_the_path_is_not_looked_at() {
        let files = Files::new(&Plugin {
            command: vec!["python3".into(), "/x.py".into()],
            ..Plugin::default()
        });
        assert!(files.paths.is_empty());
    }
}
