//! The fields of each row that stand under its MAC, in their order. See `docs/formats/`.

use jiff::Timestamp;
use strongroom_model::Scope;
use strongroom_seal::{Instance, RowKind, SealError};
use strongroom_store::port::{
    AuditCut, DeploymentRow, IdentityRow, InvitationRow, LinkRow, MemberRow, ProjectRow, SecretRow, SessionRow,
    TokenRow, TrustRow, UserRow, WorkloadKind, WorkloadRow,
};

/// A row that carries a MAC over what gives authority or steers resolution.
pub(crate) trait Authenticated: Sized {
    /// The kind of row.
    const KIND: RowKind;
    /// The fields under the MAC, in order.
    fn fields(&self) -> Vec<Vec<u8>>;
    /// The stored MAC.
    fn mac(&self) -> &[u8];
    /// Where the MAC goes.
    fn mac_mut(&mut self) -> &mut Vec<u8>;

    /// The row with its MAC made for what it says now.
    fn signed(mut self, instance: &Instance) -> Self {
        let mac = instance.row_mac(Self::KIND, &slices(&self.fields()));
        *self.mac_mut() = mac.to_vec();
        self
    }

    /// Refuses a row that does not say what was signed.
    fn verify(&self, instance: &Instance) -> Result<(), SealError> {
        instance.verify_row_mac(Self::KIND, &slices(&self.fields()), self.mac())
    }
}

fn slices(fields: &[Vec<u8>]) -> Vec<&[u8]> {
    fields.iter().map(Vec::as_slice).collect()
}

fn number(number: u64) -> Vec<u8> {
    number.to_be_bytes().to_vec()
}

fn time(at: Option<Timestamp>) -> Vec<u8> {
    at.map(|at| at.as_millisecond().to_be_bytes().to_vec()).unwrap_or_default()
}

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn scope(scope: &Scope) -> [Vec<u8>; 4] {
    [
        text(scope.kind().as_str()),
        scope.namespace().map(|name| text(name.as_str())).unwrap_or_default(),
        scope.app().map(|id| text(id.as_str())).unwrap_or_default(),
        scope.user().map(|id| text(id.as_str())).unwrap_or_default(),
    ]
}

impl Authenticated for SecretRow {
    const KIND: RowKind = RowKind::SecretHead;

    fn fields(&self) -> Vec<Vec<u8>> {
        let [kind, namespace, app, user] = scope(&self.scope);
        vec![
            self.id.as_bytes().to_vec(),
            self.project.as_bytes().to_vec(),
            kind,
            namespace,
            app,
            user,
            text(self.name.as_str()),
            number(self.version),
            time(self.expires_at),
            time(self.deleted_at),
        ]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for ProjectRow {
    const KIND: RowKind = RowKind::Project;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![self.id.as_bytes().to_vec(), text(self.name.as_str()), text(&self.settings)]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for TokenRow {
    const KIND: RowKind = RowKind::Token;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![
            self.id.as_bytes().to_vec(),
            self.project.as_bytes().to_vec(),
            text(&self.name),
            self.digest.clone(),
            text(&self.grant),
            time(self.expires_at),
            time(self.revoked_at),
        ]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for LinkRow {
    const KIND: RowKind = RowKind::Link;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![
            self.id.as_bytes().to_vec(),
            self.project.as_bytes().to_vec(),
            self.digest.clone(),
            text(&self.terms),
            time(Some(self.expires_at)),
            time(self.filled_at),
            time(self.revoked_at),
        ]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for IdentityRow {
    const KIND: RowKind = RowKind::Identity;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![text(&self.issuer), text(&self.subject), self.user.as_bytes().to_vec()]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for TrustRow {
    const KIND: RowKind = RowKind::Issuer;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![
            self.id.as_bytes().to_vec(),
            self.project.as_bytes().to_vec(),
            text(self.kind.as_str()),
            text(&self.name),
            text(&self.record),
            self.sealed.clone(),
        ]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for WorkloadRow {
    const KIND: RowKind = RowKind::Function;

    fn fields(&self) -> Vec<Vec<u8>> {
        let mut fields = vec![
            self.id.as_bytes().to_vec(),
            self.project.as_bytes().to_vec(),
            text(self.namespace.as_str()),
            text(self.name.as_str()),
            number(self.active),
        ];
        // functions came first, and have five fields; so no row of one kind passes for one of another
        if self.kind != WorkloadKind::Function {
            fields.push(text(self.kind.as_str()));
        }
        fields
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for DeploymentRow {
    const KIND: RowKind = RowKind::Deployment;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![
            self.workload.as_bytes().to_vec(),
            number(self.number),
            text(&self.manifest),
            text(&self.references),
            self.digest.clone(),
        ]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for AuditCut {
    const KIND: RowKind = RowKind::AuditHead;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![text(&self.node), number(self.seq), self.link.to_vec(), time(Some(self.at))]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for UserRow {
    const KIND: RowKind = RowKind::User;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![
            self.id.as_bytes().to_vec(),
            text(self.name.as_str()),
            vec![u8::from(self.is_admin), u8::from(self.is_disabled)],
            number(self.generation),
            text(&self.password),
            self.factor.clone().unwrap_or_default(),
            number(self.factor_step),
            text(&self.recovery),
        ]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for MemberRow {
    const KIND: RowKind = RowKind::Member;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![self.project.as_bytes().to_vec(), self.user.as_bytes().to_vec(), text(&self.access)]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for SessionRow {
    const KIND: RowKind = RowKind::Session;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![
            self.id.as_bytes().to_vec(),
            self.user.as_bytes().to_vec(),
            self.digest.clone(),
            text(&self.kind),
            number(self.generation),
            time(Some(self.proved_at)),
            time(Some(self.expires_at)),
        ]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

impl Authenticated for InvitationRow {
    const KIND: RowKind = RowKind::Invitation;

    fn fields(&self) -> Vec<Vec<u8>> {
        vec![
            self.id.as_bytes().to_vec(),
            text(self.name.as_str()),
            self.digest.clone(),
            text(&self.access),
            time(Some(self.expires_at)),
            time(self.closed_at),
        ]
    }

    fn mac(&self) -> &[u8] {
        &self.mac
    }

    fn mac_mut(&mut self) -> &mut Vec<u8> {
        &mut self.mac
    }
}

#[cfg(test)]
mod tests {
    use strongroom_model::{Id, NamespaceName};
    use strongroom_seal::{RootKey, SystemRandom};

    use super::*;

    fn instance() -> Instance {
        RootKey::generate(&SystemRandom).unlock(Id::from_bytes([1; 16]))
    }

    fn head() -> SecretRow {
        SecretRow {
            id: Id::from_bytes([2; 16]),
            project: Id::from_bytes([3; 16]),
            scope: Scope::Namespace(NamespaceName::default_namespace()),
            name: "KEY".parse().expect("legal name"),
            description: None,
            expires_at: None,
            version: 2,
            created_at: Timestamp::UNIX_EPOCH,
            created_by: "owner".to_owned(),
            updated_at: Timestamp::UNIX_EPOCH,
            updated_by: "owner".to_owned(),
            value_set_at: None,
            deleted_at: None,
            mac: Vec::new(),
        }
    }

    #[test]
    fn a_head_that_steers_otherwise_is_refused_and_words_for_people_are_free() {
        let instance = instance();
        let good = head().signed(&instance);
        assert!(good.verify(&instance).is_ok());
        let at = Some(Timestamp::UNIX_EPOCH);
        let changed = [
            SecretRow { id: Id::from_bytes([9; 16]), ..good.clone() },
            SecretRow { project: Id::from_bytes([9; 16]), ..good.clone() },
            SecretRow { scope: Scope::Global, ..good.clone() },
            SecretRow { name: "OTHER".parse().expect("legal name"), ..good.clone() },
            SecretRow { version: 1, ..good.clone() },
            SecretRow { expires_at: at, ..good.clone() },
            SecretRow { deleted_at: at, ..good.clone() },
            SecretRow { mac: Vec::new(), ..good.clone() },
        ];
        for row in changed {
            assert!(row.verify(&instance).is_err(), "{row:?}");
        }
        let free = SecretRow { description: Some("x".to_owned()), value_set_at: at, ..good };
        assert!(free.verify(&instance).is_ok());
        assert!(free.verify(&self::instance()).is_err(), "another instance's key fits");
    }

    #[test]
    fn a_row_of_one_kind_is_none_of_another() {
        let instance = instance();
        let row = head().signed(&instance);
        let fields = row.fields();
        assert!(instance.verify_row_mac(RowKind::Token, &slices(&fields), row.mac()).is_err());
    }
}
