//! What programs declare, as data: to look at it, to compare it with a broker, and to make it beforehand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rpc_core::Error;
use rpc_core::transport::{Destination, Source};
use serde::Serialize;

use crate::declare::{Examination, declare, examine};
use crate::link::{Link, Refusal, Worker};
use crate::process::Process;
use crate::queue_manager::OwnName;
use crate::settings::Settings;
use crate::topology::{Declaration, Entity, Profile, dead_letters, is_own};

/// What programs declare that consume and send. Made by [`AmqpTransportBuilder::plan`](crate::AmqpTransportBuilder::plan).
///
/// ```
/// use rpc_amqp::AmqpTransport;
/// use rpc_core::{Target, transport::Source};
///
/// # fn main() -> Result<(), rpc_core::Error> {
/// let builder = AmqpTransport::builder("amqp://rabbit-1/cell?queue_type=quorum");
/// let plan = builder.plan(&[Source::Requests(Target::topic("conductor"))], &[])?;
/// let entities = plan.entities();
/// let queue = entities.iter().find(|entity| entity.name == "rpc.default.conductor").expect("it has a queue");
/// assert_eq!(queue.properties["x-queue-type"], "quorum");
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct TopologyPlan {
    declarations: Vec<Declaration>,
    /// Queues of one process.
    own: BTreeSet<String>,
    /// What keeps dead letters.
    later: Vec<Declaration>,
}

/// How an [`Entity`] of a plan is on the broker.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
#[non_exhaustive]
pub enum EntityState {
    /// As it is wanted.
    Same,
    /// Not there.
    Absent,
    /// There, with other properties: a program that wants it is refused.
    Different {
        /// Its properties, as those of the [`Entity`] are.
        found: BTreeMap<String, String>,
        /// What to do, with the option of the URL that fits, if there is one.
        advice: String,
    },
    /// It cannot be told.
    Unknown {
        /// Why.
        reason: String,
    },
}

impl TopologyPlan {
    /// What programs of these `settings` declare.
    pub(crate) fn new(
        settings: &Settings,
        sources: &[Source],
        destinations: &[Destination],
    ) -> Result<Self, Error> {
        // Without the queue manager, which would claim a name; a name of one process is not shown anyway.
        let profile = Profile::of(settings, None);
        let (mut declarations, mut later, mut own) = (Vec::new(), Vec::new(), BTreeSet::new());
        for source in sources {
            let plan = profile.plan(source, &OwnName::random())?;
            if plan.replies {
                own.extend(plan.queues.iter().map(|queue| queue.name.clone()));
            }
            declarations.extend(plan.declarations);
            let Some(queue_type) = profile.dead_letters().filter(|_| !plan.replies) else { continue };
            for queue in plan.queues.iter().filter(|queue| queue.stream.is_none()) {
                later.extend(dead_letters(&queue.exchange, &queue.topic, queue_type)?.needs);
            }
        }
        for destination in destinations {
            declarations.extend(profile.route(destination)?.needs);
            if let Destination::Notification { exchange, topic, priority } = destination {
                declarations.extend(profile.default_queue((exchange, topic, *priority))?);
            }
        }
        own.extend(declarations.iter().filter(|it| is_own(it)).map(|it| it.name().to_owned()));
        let mut unique: Vec<Declaration> = Vec::new();
        for declaration in declarations.into_iter().chain(later.iter().cloned()) {
            if !unique.contains(&declaration) {
                unique.push(declaration);
            }
        }
        Ok(Self { declarations: unique, own, later })
    }

    /// All of it, in the order in which it is declared.
    #[must_use]
    pub fn entities(&self) -> Vec<Entity> {
        self.declarations.iter().map(|declaration| self.entity(declaration)).collect()
    }

    fn entity(&self, declaration: &Declaration) -> Entity {
        Entity::new(declaration, self.is_own(declaration), self.later.contains(declaration))
    }

    fn is_own(&self, declaration: &Declaration) -> bool {
        !matches!(declaration, Declaration::Exchange { .. }) && self.own.contains(declaration.name())
    }

    /// What can be made beforehand: not what each process makes for itself, and not what goes with its last user.
    fn lasting(&self) -> Vec<Declaration> {
        let passing = |declaration: &Declaration| matches!(declaration, Declaration::Exchange { lifetime, .. } if lifetime.auto_delete);
        let lasting = self.declarations.iter().filter(|it| !self.is_own(it) && !passing(it));
        lasting.cloned().collect()
    }
}

/// Compares plans with a broker, and makes them.
#[derive(Clone)]
pub(crate) struct Examiner {
    pub(crate) process: Process,
    pub(crate) link: Link,
    pub(crate) worker: Worker,
}

impl Examiner {
    pub(crate) async fn compare(&self, plan: &TopologyPlan) -> Result<Vec<(Entity, EntityState)>, Error> {
        self.process.check()?;
        let (link, plan) = (self.link.clone(), plan.clone());
        self.run(async move {
            let session = link.view().session.ok_or_else(|| Refusal::lost("not connected to the broker"))?;
            let mut compared = Vec::new();
            for declaration in &plan.declarations {
                let state = if plan.is_own(declaration) {
                    EntityState::Unknown { reason: "each process makes its own".to_owned() }
                } else {
                    session.judged(examine(&session, declaration).await)?.into()
                };
                compared.push((plan.entity(declaration), state));
            }
            Ok(compared)
        })
        .await
    }

    pub(crate) async fn apply(&self, plan: &TopologyPlan) -> Result<Vec<Entity>, Error> {
        self.process.check()?;
        let (link, plan) = (self.link.clone(), plan.clone());
        self.run(async move {
            let session = link.view().session.ok_or_else(|| Refusal::lost("not connected to the broker"))?;
            let channel = session.channel().await?;
            let lasting = plan.lasting();
            session.judged(declare(&session, &channel, &lasting).await)?;
            Ok(lasting.iter().map(|declaration| plan.entity(declaration)).collect())
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Error> {
        let done = self.worker.run(work).await.ok_or_else(crate::publisher::closed)?;
        done.map_err(|refusal| refusal.error("the topology"))
    }
}

impl fmt::Debug for Examiner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Examiner").finish_non_exhaustive()
    }
}

impl From<Examination> for EntityState {
    fn from(examination: Examination) -> Self {
        match examination {
            Examination::Same => Self::Same,
            Examination::Absent => Self::Absent,
            Examination::Different { found, advice } => Self::Different { found, advice },
            Examination::Unknown(reason) => Self::Unknown { reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use rpc_core::{ReplyAddress, Target};

    use super::*;
    use crate::{AmqpTransport, EntityKind};

    fn plan(query: &str, sources: &[Source]) -> TopologyPlan {
        AmqpTransport::builder(format!("amqp://h/?{query}")).plan(sources, &[]).unwrap()
    }

    fn names(plan: &TopologyPlan) -> Vec<(EntityKind, String)> {
        plan.entities().into_iter().map(|entity| (entity.kind, entity.name)).collect()
    }

    #[test]
    fn what_is_of_one_process_is_marked_and_not_made_beforehand() {
        let target = Target::topic("t").server("s");
        let sources = [
            Source::Requests(target.clone()),
            Source::Requests(target.fanout()),
            Source::Replies(ReplyAddress::random("me")),
        ];
        for (query, fanout, replies, lasting) in
            [("", "fan.t.s.*", "reply.me.*", 6), ("wire=oslo", "t_fanout_*", "reply.me.*", 3)]
        {
            let plan = plan(query, &sources);
            let own: Vec<_> = plan.entities().into_iter().filter(|entity| entity.is_own).collect();
            let names: BTreeSet<_> = own.iter().map(|entity| entity.name.as_str()).collect();
            assert_eq!(names, BTreeSet::from([fanout, replies]), "{query}");
            assert_eq!(
                plan.lasting().len(),
                lasting + usize::from(query.is_empty()),
                "{:#?}",
                plan.lasting()
            );
        }
    }

    #[test]
    fn nothing_is_named_twice() {
        let sources =
            [Source::Requests(Target::topic("t")), Source::Requests(Target::topic("t").server("s"))];
        let mut names = names(&plan("queue_type=quorum", &sources));
        let count = names.len();
        // Two queues of requests and one of dead letters each have one binding.
        names.retain(|(kind, _)| *kind != EntityKind::Binding);
        assert_eq!((count, names.len()), (8, 5), "{names:?}");
    }
}
