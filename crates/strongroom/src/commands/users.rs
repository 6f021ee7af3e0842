//! `strongroom users`.

use clap::{Args, Subcommand};
use strongroom_api::people::{Invite, UpdateUser, UserItem};

use crate::context::Context;
use crate::errors::{Exit, Failure};
use crate::output;
use crate::session::Session;
use crate::words::{ago, expiry};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Lists accounts
    #[command(visible_alias = "ls")]
    List,
    /// Invites somebody: prints the address at which that person chooses a password, once
    Invite(InviteArgs),
    /// Lists invitations
    Invitations,
    /// Withdraws invitations
    Withdraw(IdArgs),
    /// Keeps somebody out; sessions end, and the tokens that the person minted
    Disable(NameArgs),
    /// Lets somebody in again
    Enable(NameArgs),
    /// Makes somebody an admin of the instance
    Admin(AdminArgs),
    /// Removes the second factor of somebody who has lost it; ends that person's sessions
    RemoveFactor(NameArgs),
    /// Deletes an account with its memberships
    #[command(visible_alias = "rm")]
    Delete(DeleteArgs),
}

#[derive(Args)]
pub(crate) struct InviteArgs {
    /// The account's name: an e-mail address or a plain name
    #[arg(value_name = "NAME")]
    name: String,
    /// The role in the project (--project): owner, admin, developer or viewer
    #[arg(long, value_name = "ROLE")]
    role: Option<String>,
    /// Limits the membership to a namespace; may be given several times
    #[arg(long, value_name = "NAME", requires = "role")]
    namespace: Vec<String>,
    /// Makes the person an admin of the instance
    #[arg(long)]
    instance_admin: bool,
}

#[derive(Args)]
pub(crate) struct IdArgs {
    /// The invitations' ids
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
}

#[derive(Args)]
pub(crate) struct NameArgs {
    /// The account's name
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Args)]
pub(crate) struct AdminArgs {
    /// The account's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Takes it away instead
    #[arg(long)]
    remove: bool,
}

#[derive(Args)]
pub(crate) struct DeleteArgs {
    /// The account's name
    #[arg(value_name = "NAME")]
    name: String,
    /// Does not ask
    #[arg(short, long)]
    yes: bool,
}

pub(crate) fn run(context: &Context, command: Command) -> Result<Exit, Failure> {
    let session = context.connect()?;
    let set = |name: &str, disabled: Option<bool>, instance_admin: Option<bool>| {
        session.name_place(context);
        session.wait(session.client().update_user(name, &UpdateUser { disabled, instance_admin }))
    };
    match command {
        Command::List => list(context, &session)?,
        Command::Invite(args) => invite(context, &session, args)?,
        Command::Invitations => invitations(context, &session)?,
        Command::Withdraw(args) => {
            for id in &args.ids {
                let item = session.wait(session.client().withdraw_invitation(id))?;
                context.output.done(&format!("✔ Invitation withdrawn: {}", item.name))?;
            }
        }
        Command::Disable(args) => changed(context, &set(&args.name, Some(true), None)?, "disabled")?,
        Command::Enable(args) => changed(context, &set(&args.name, Some(false), None)?, "enabled")?,
        Command::Admin(args) => {
            let word = if args.remove { "no admin of the instance any more" } else { "admin of the instance" };
            changed(context, &set(&args.name, None, Some(!args.remove))?, word)?;
        }
        Command::RemoveFactor(args) => {
            session.name_place(context);
            let user = session.wait(session.client().remove_factor(&args.name))?;
            changed(context, &user, "second factor removed, sessions ended")?;
        }
        Command::Delete(args) => {
            let question = format!("Delete the account {} with its memberships? [y/N] ", args.name);
            let asked = !args.yes && output::has_person();
            if asked && !output::ask(&question).is_some_and(|answer| answer.trim().eq_ignore_ascii_case("y")) {
                return Err(Failure::failed("nothing was deleted"));
            }
            session.name_place(context);
            changed(context, &session.wait(session.client().delete_user(&args.name))?, "deleted")?;
        }
    }
    Ok(Exit::DONE)
}

fn changed(context: &Context, user: &UserItem, word: &str) -> Result<(), Failure> {
    context.output.answer(user, &format!("✔ {}: {word}", user.name))
}

fn list(context: &Context, session: &Session) -> Result<(), Failure> {
    let users = session.wait(session.client().users())?;
    if !context.output.is_for_people() {
        return context.output.structured(&users);
    }
    let now = (context.now)();
    let rows = users.iter().map(|user| {
        let kind = if user.is_instance_admin { "admin" } else { "person" };
        let factor = if user.has_second_factor { "yes" } else { "no" };
        let seen = user.signed_in_at.map_or_else(|| "never".to_owned(), |at| ago(now, at));
        [user.name.clone(), user.state.clone(), kind.to_owned(), factor.to_owned(), seen, ago(now, user.created_at)]
    });
    let none = "there are no accounts; the server prints the address of the first one when it starts";
    context.output.table(["NAME", "STATE", "IS", "SECOND FACTOR", "SIGNED IN", "SINCE"], rows.collect(), none)
}

fn invite(context: &Context, session: &Session, args: InviteArgs) -> Result<(), Failure> {
    let project = args.role.as_ref().map(|_| session.project().name().to_owned());
    let body = Invite {
        name: args.name,
        instance_admin: args.instance_admin,
        project,
        role: args.role,
        namespaces: args.namespace,
    };
    session.name_place(context);
    let created = session.wait(session.client().invite(&body))?;
    if !context.output.is_for_people() {
        return context.output.structured(&created);
    }
    output::line(created.url.0.expose())?;
    let until = expiry((context.now)(), created.item.expires_at);
    context.output.talk(&format!(
        "send this address to {}: it makes the account, once; it runs out {until}, and is not shown again",
        created.item.name
    ));
    Ok(())
}

fn invitations(context: &Context, session: &Session) -> Result<(), Failure> {
    let items = session.wait(session.client().invitations())?;
    if !context.output.is_for_people() {
        return context.output.structured(&items);
    }
    let now = (context.now)();
    let rows = items.iter().map(|item| {
        let role = item.role.clone().unwrap_or_else(|| "-".to_owned());
        [item.id.clone(), item.name.clone(), item.state.clone(), role, expiry(now, item.expires_at)]
    });
    let none = "there are no invitations; make one: strongroom users invite NAME";
    context.output.table(["ID", "NAME", "STATE", "ROLE", "EXPIRES"], rows.collect(), none)
}
