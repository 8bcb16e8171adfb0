//! What every engine must do, by requirement.
//!
//! Each check is a function over a factory of empty stores; the list at the end runs all of them for each engine.

// What fails here fails a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../common/mod.rs"]
mod common;

mod counting;
mod deletion;
mod expiration;
mod feed;
mod filters;
mod limits;
mod numbers;
mod outlines;
mod removal;
mod replaceable;
mod slices;
mod submission;
mod vanish;
mod visibility;

/// Runs checks, given as `module: name, name;`, for each engine.
macro_rules! run {
    ($($module:ident: $($check:ident),+ $(,)?;)+) => {
        run!(@engine memory, crate::common::engine::Memory; $($module: $($check),+;)+);
        run!(@engine embedded, crate::common::engine::Embedded::BUSY; $($module: $($check),+;)+);
    };
    (@engine $engine:ident, $factory:expr; $($module:ident: $($check:ident),+;)+) => {
        mod $engine {
            $(mod $module {
                $(#[tokio::test]
                async fn $check() {
                    crate::$module::$check(&$factory).await;
                })+
            })+
        }
    };
}

run! {
    submission:
        r1_3_one_outcome_each_in_order,
        r1_3_a_batch_is_judged_one_after_the_other,
        r1_3_the_last_look_is_at_the_commit,
        r1_3_a_duplicate_is_told_before_its_signature_is_looked_at,
        r1_3_refusals_come_before_the_signature,
        r1_3_refusals_come_in_order,
        r1_3_a_wrong_signature_leaves_no_trace,
        r1_3_a_wrong_signature_in_a_batch_has_no_effect_on_the_rest,
        r1_3_a_verified_submission_is_believed,
        r1_3_ephemeral_events_are_shown_and_not_stored,
        r1_3_the_observer_hears_in_commit_order,
        r1_3_the_observer_hears_before_the_submitter,
        r1_3_event_numbers_are_dense,
        r1_11_kind_22242_is_never_stored,
        r8_3_a_closed_store_takes_nothing;
    replaceable:
        r1_4_the_newest_version_wins,
        r1_4_an_older_version_is_superseded,
        r1_4_in_the_same_second_the_lowest_id_wins,
        r1_4_versions_in_one_batch,
        r1_4_authors_kinds_and_identifiers_are_apart,
        r1_4_no_d_equals_an_empty_d,
        r1_4_the_first_d_counts,
        r1_4_d_is_compared_as_text,
        r1_4_long_identifiers_are_apart,
        r1_4_d_means_nothing_to_replaceable_events,
        r1_4_history_is_gone_from_every_read,
        r1_4_an_archive_keeps_all_versions,
        r1_4_an_archive_takes_versions_in_any_order;
    deletion:
        r1_5_an_author_deletes_by_id,
        r1_5_a_stranger_deletes_nothing,
        r1_5_a_deleted_event_is_refused_when_it_comes_later,
        r1_5_a_strangers_request_does_not_block_an_unseen_id,
        r1_5_one_request_deletes_several_events,
        r1_5_by_id_regardless_of_time,
        r1_5_by_address_up_to_the_time_of_the_request,
        r1_5_by_address_the_author_only,
        r1_5_an_address_deleted_before_it_came,
        r1_5_addresses_of_replaceable_events,
        r1_5_identifiers_with_colons,
        r1_5_addresses_of_regular_events_mean_nothing,
        r1_5_malformed_targets_mean_nothing,
        r1_5_requests_are_kept_and_served,
        r1_5_requests_and_vanish_requests_cannot_be_deleted,
        r1_5_a_recipient_deletes_a_gift_wrap,
        r1_5_a_recipient_deletes_a_gift_wrap_before_it_comes,
        r1_5_a_recipient_deletes_nothing_but_gift_wraps,
        r1_5_an_older_version_may_come_after_a_deletion_by_id,
        r1_5_in_an_archive_a_deletion_takes_all_versions,
        r1_5_in_one_batch;
    filters:
        r1_6_ids_authors_kinds_and_times,
        r1_6_ids_that_begin_alike_are_told_apart,
        r1_6_single_letter_tags_of_both_cases,
        r1_6_conditions_are_and_values_are_or,
        r1_6_tag_values_of_any_length,
        r1_6_tag_values_are_compared_as_text,
        r1_6_only_the_first_value_of_a_tag_counts,
        r1_6_empty_lists_match_nothing,
        r1_6_malformed_values_match_nothing,
        r1_6_since_after_until_gives_none,
        r1_6_a_union_without_duplicates_in_order,
        r1_6_no_filters_give_nothing,
        r1_6_the_order_is_newest_first_then_lowest_id,
        r1_6_times_at_the_ends_of_their_range,
        r1_7_a_scan_ends_where_the_live_events_begin;
    limits:
        r1_8_finished_when_everything_was_sent,
        r1_8_more_when_a_limit_cuts,
        r1_8_a_limit_cuts_inside_a_second_lowest_ids_first,
        r1_8_a_limit_of_zero,
        r1_8_a_cap_ends_on_a_whole_second,
        r1_8_a_cap_that_ends_on_a_second_keeps_it,
        r1_8_a_second_larger_than_the_cap,
        r1_8_a_limit_below_the_cap_cuts_anywhere,
        r1_8_a_limit_above_the_cap_is_clamped,
        r1_8_each_filter_has_its_own_limit,
        r1_8_what_another_filter_returned_is_not_missing,
        r1_8_what_is_invisible_is_not_missing,
        r1_8_paging_by_until_meets_everything_once;
    slices:
        r8_2_any_slicing_gives_the_same_answer,
        r8_2_a_runaway_scan_is_cut,
        r8_2_what_is_removed_between_slices_is_not_returned,
        r8_2_what_comes_between_slices_is_not_returned,
        r2_1_a_key_that_authenticates_during_a_scan;
    counting:
        r1_9_counts_the_union_exactly,
        r1_9_counting_ignores_limits,
        r1_9_counts_follow_removals,
        r1_9_counts_only_what_is_visible,
        r1_9_the_registers_are_those_of_the_nip,
        r1_9_the_registers_follow_deletions,
        r1_9_no_registers_for_other_queries;
    expiration:
        r1_10_refused_when_expired,
        r1_10_not_served_once_expired,
        r1_10_purged_in_the_background,
        r1_10_a_malformed_expiration_is_none,
        r1_10_of_replaceable_events,
        r1_10_requests_keep_their_effect;
    vanish:
        r1_13_everything_up_to_the_time_goes,
        r1_13_deletion_requests_go_too,
        r1_13_gift_wraps_to_the_key_go_too,
        r1_13_nothing_comes_back,
        r1_13_by_the_url_of_the_relay,
        r1_13_a_request_to_another_relay_means_nothing_here,
        r1_13_requests_are_kept,
        r1_13_a_request_that_comes_late,
        r1_13_in_an_archive,
        r1_13_in_one_batch;
    visibility:
        r2_1_private_kinds_are_for_their_parties,
        r2_1_judged_by_the_event_not_the_filter,
        r2_1_group_messages_only_through_h,
        r2_1_each_filter_judged_by_itself,
        r2_1_an_operator_sees_everything;
    feed:
        feed_each_commit_has_its_entries,
        feed_removals_follow_their_cause,
        feed_bodies_are_those_that_the_reader_may_see,
        r2_1_parties_are_told_that_a_private_event_is_gone,
        feed_is_read_in_pieces_without_gaps,
        feed_its_end_can_be_followed,
        feed_readers_keep_their_place,
        feed_tells_of_purges;
    outlines:
        r5_1_outlines_are_those_of_the_answer,
        r5_1_outlines_come_from_either_end,
        r5_1_a_limit_counts_from_the_end_that_comes_first,
        r5_1_any_slicing_gives_the_same_outlines,
        r5_1_outlines_that_cost_too_much_are_cut,
        r5_1_what_is_gone_or_expired_has_no_outline,
        r2_1_outlines_are_judged_by_the_viewer,
        r8_2_what_changes_between_slices_of_outlines,
        r4_6_the_bytes_of_what_is_there_are_known;
    numbers:
        o3_3_numbers_are_told_by_id_in_the_order_asked_for,
        o3_3_ids_that_begin_alike_have_numbers_of_their_own,
        o3_3_what_is_gone_has_no_number_and_a_new_one_when_it_comes_back;
    removal:
        r4_6_the_operator_removes_events_for_good,
        r8_5_statistics_add_up,
        r8_3_everything_is_there_after_reopening,
        r8_3_what_was_acknowledged_while_closing_is_there;
}
