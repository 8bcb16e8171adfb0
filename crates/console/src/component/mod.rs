//! What pages are put together from. One component, one file; each is a value with the data and a `render`, or a function.

mod badge;
mod breadcrumb;
mod definitions;
mod empty;
mod filters;
mod intervals;
mod meter;
mod notice;
mod pager;
mod stat;
mod table;
mod tabs;
mod timestamp;

pub use badge::{State, badge, badge_with};
pub use breadcrumb::breadcrumb;
pub use definitions::definitions;
pub use empty::empty;
pub use filters::{Field, Filters};
pub use intervals::{Coverage, Interval, Intervals};
pub use meter::meter;
pub use notice::{Level, notice};
pub use pager::Pager;
pub use stat::{Stat, stats};
pub use table::{Column, Row, Table};
pub use tabs::{PERIODS, Tab, period_tabs, tabs};
pub use timestamp::timestamp;
