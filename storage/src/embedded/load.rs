//! Loads the file into memory: the whole index at the start, and missed changes after a failure.

use std::sync::Arc;

use bytes::Bytes;

use super::disk::Disk;
use super::error::OpenError;
use super::index::{FIRST, Garbage, Index};
use super::record::Record;
use crate::{Entry, Event, Frame, Revision};

/// The index of everything on disk, and obsolete records that compaction has not removed yet.
pub(super) fn load(disk: &Disk) -> Result<(Index, Garbage), OpenError> {
    let mut index = Index::new(disk.compacted()?);
    let mut garbage = Garbage::new();
    disk.replay(0, |revision, record| {
        if revision > index.compacted() {
            return replay_one(disk, &mut index, revision, &record);
        }
        let superseded = match record {
            Record::Put { key, value } => index.restore(key, Some(entry(key, value, revision))),
            Record::Delete { key } => {
                garbage.push(revision);
                index.restore(key, None)
            }
        };
        garbage.extend(superseded);
        Ok(())
    })?;
    Ok((index, garbage))
}

/// Applies the changes on disk that `index` has not seen.
pub(super) fn catch_up(disk: &Disk, index: &mut Index) -> Result<(), OpenError> {
    disk.replay(index.revision(), |revision, record| {
        replay_one(disk, index, revision, &record)
    })
}

fn replay_one(
    disk: &Disk,
    index: &mut Index,
    revision: Revision,
    record: &Record<'_>,
) -> Result<(), OpenError> {
    if revision != index.revision().max(FIRST) + 1 {
        let expected = index.revision() + 1;
        return Err(disk.corrupt(format!(
            "revision {revision} found where {expected} was expected"
        )));
    }
    let frame = Frame::default();
    let event = match *record {
        Record::Put { key, value } => {
            let previous = index.latest(key).cloned();
            Event::Put {
                entry: entry(key, value, revision),
                previous,
                frame,
            }
        }
        Record::Delete { key } => {
            let previous = index.latest(key).cloned().ok_or_else(|| {
                disk.corrupt(format!(
                    "revision {revision} deletes {key}, which does not exist"
                ))
            })?;
            Event::Delete {
                previous,
                revision,
                frame,
            }
        }
    };
    index.apply(Arc::new(event));
    Ok(())
}

fn entry(key: &str, value: &[u8], revision: Revision) -> Arc<Entry> {
    Entry::new(key, Bytes::copy_from_slice(value), revision)
}
