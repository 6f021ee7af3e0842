//! One suite for every backend: what the port's documentation promises, as assertions.
//!
//! A case gets an empty store of its own. A case that does not hold panics, as a test does.
#![expect(clippy::unwrap_used, reason = "a suite fails by panicking")]

mod audit;
mod fixture;
mod identities;
mod links;
mod listing;
mod logs;
mod people;
mod projects;
mod runs;
mod secrets;
mod tokens;
mod transactions;
mod trusts;
mod workloads;

use std::sync::Arc;

use crate::port::Store;

/// Runs every case on stores that `make` makes. Needs a tokio runtime; one with several threads finds more.
pub async fn run_all(make: impl AsyncFn() -> Arc<dyn Store>) {
    transactions(&make).await;
    projects(&make).await;
    secrets(&make).await;
    workloads(&make).await;
    runs(&make).await;
    tokens(&make).await;
    links(&make).await;
    people(&make).await;
    trusts(&make).await;
    audit(&make).await;
    logs(&make).await;
}

/// Commit, rollback, panics, views and closing.
pub async fn transactions(make: &impl AsyncFn() -> Arc<dyn Store>) {
    transactions::an_ok_is_kept_and_an_error_leaves_nothing(make().await).await;
    transactions::a_rollback_among_many_fails_alone(make().await).await;
    transactions::a_panicking_job_fails_alone(make().await).await;
    transactions::a_job_whose_caller_went_away_still_runs(make().await).await;
    transactions::records_and_jobs_run_in_the_order_in_which_they_were_queued(make().await).await;
    transactions::a_record_that_does_not_follow_fails_alone(make().await).await;
    transactions::a_write_sees_its_own_rows_and_a_read_one_view(make().await).await;
    transactions::a_closed_store_has_done_its_work_and_refuses_more(make().await).await;
}

/// Instance, projects, keys, namespaces, apps, epochs.
pub async fn projects(make: &impl AsyncFn() -> Arc<dyn Store>) {
    projects::there_is_one_instance(make().await).await;
    projects::projects_come_back_by_name(make().await).await;
    projects::keys_namespaces_and_apps_come_back_in_order(make().await).await;
    projects::what_is_there_is_refused_as_existing(make().await).await;
    projects::a_row_without_its_owner_is_refused(make().await).await;
    projects::epochs_rise_and_never_fall(make().await).await;
    projects::concurrent_epochs_are_all_different(make().await).await;
    projects::a_project_takes_everything_with_it_but_its_audit_records(make().await).await;
    projects::a_namespace_takes_what_is_in_it(make().await).await;
    projects::an_app_takes_its_secrets_and_usage(make().await).await;
}

/// Secrets, versions, resolution, lists, stats.
pub async fn secrets(make: &impl AsyncFn() -> Arc<dyn Store>) {
    secrets::a_head_comes_back_as_it_was_written(make().await).await;
    secrets::one_live_name_in_a_scope_also_when_case_is_ignored(make().await).await;
    secrets::a_deleted_secret_can_come_back_unless_its_name_is_taken(make().await).await;
    secrets::versions_are_gapless_under_concurrent_writers(make().await).await;
    secrets::versions_come_newest_first_without_envelopes(make().await).await;
    secrets::candidates_are_what_a_workload_may_see(make().await).await;
    secrets::a_value_that_has_gone_is_damage_and_not_absence(make().await).await;
    secrets::purging_erases_heads_and_versions(make().await).await;
    secrets::stats_count_by_window_over_three_scopes(make().await).await;
    listing::pages_have_no_gaps_and_no_duplicates(make().await).await;
    listing::a_page_after_an_erased_row_skips_nothing(make().await).await;
    listing::filters_narrow_without_excluding_global_secrets(make().await).await;
    listing::search_ignores_case_and_takes_every_character_literally(make().await).await;
    listing::order_is_that_of_bytes(make().await).await;
}

/// Functions, deployments, read facts.
pub async fn workloads(make: &impl AsyncFn() -> Arc<dyn Store>) {
    workloads::workloads_come_back_by_namespace_and_name(make().await).await;
    workloads::deployments_come_newest_first_and_are_pruned_around_the_active_one(make().await).await;
    workloads::read_facts_are_replaced_touched_and_erased(make().await).await;
}

/// Runs of jobs, slots of schedules.
pub async fn runs(make: &impl AsyncFn() -> Arc<dyn Store>) {
    runs::runs_come_back_newest_first_and_by_what_is_asked_for(make().await).await;
    runs::claims_take_what_is_due_earliest_first_within_the_limits(make().await).await;
    runs::no_two_claimers_get_one_run(make().await).await;
    runs::an_attempt_ends_once_and_by_its_holder_alone(make().await).await;
    runs::leases_of_others_that_ended_are_void(make().await).await;
    runs::what_is_dead_or_cancelled_can_be_put_back(make().await).await;
    runs::a_slot_is_dealt_with_once(make().await).await;
    runs::what_is_over_is_pruned_and_a_job_takes_its_runs_with_it(make().await).await;
}

/// Tokens and idempotency keys.
pub async fn tokens(make: &impl AsyncFn() -> Arc<dyn Store>) {
    tokens::tokens_are_found_by_digest_and_by_id_in_their_project(make().await).await;
    tokens::revocation_and_use_are_written_down(make().await).await;
    tokens::tokens_that_ended_are_erased_after_a_while(make().await).await;
    tokens::an_idempotency_key_is_used_once(make().await).await;
}

/// Fill-in links.
pub async fn links(make: &impl AsyncFn() -> Arc<dyn Store>) {
    links::links_are_found_by_digest_and_by_id_in_their_project(make().await).await;
    links::use_and_revocation_are_written_down_and_old_links_erased(make().await).await;
}

/// Users, memberships, sessions, invitations.
pub async fn people(make: &impl AsyncFn() -> Arc<dyn Store>) {
    people::users_come_back_by_name_and_id(make().await).await;
    people::members_go_with_their_user_and_with_their_project(make().await).await;
    people::sessions_are_found_by_digest_and_end_with_their_user(make().await).await;
    people::invitations_are_closed_and_pruned(make().await).await;
    identities::a_person_has_one_identity_at_a_provider(make().await).await;
}

/// Trusted issuers.
pub async fn trusts(make: &impl AsyncFn() -> Arc<dyn Store>) {
    trusts::issuers_come_back_by_kind_and_name_in_their_project(make().await).await;
}

/// Audit chains.
pub async fn audit(make: &impl AsyncFn() -> Arc<dyn Store>) {
    audit::records_follow_their_node_s_head(make().await).await;
    audit::a_rolled_back_record_gives_its_number_back(make().await).await;
    audit::concurrent_records_make_one_chain(make().await).await;
    audit::filters_and_pages_reach_every_record(make().await).await;
    audit::records_go_out_oldest_first(make().await).await;
    audit::a_cut_takes_the_oldest_and_never_all(make().await).await;
}

/// Logs.
pub async fn logs(make: &impl AsyncFn() -> Arc<dyn Store>) {
    logs::the_newest_lines_come_oldest_first(make().await).await;
    logs::filters_select_and_search_is_literal(make().await).await;
    logs::a_follower_misses_nothing(make().await).await;
    logs::a_search_looks_at_a_bounded_number_of_lines_and_says_where_it_is(make().await).await;
    logs::pruning_goes_by_category_age_and_number(make().await).await;
}
