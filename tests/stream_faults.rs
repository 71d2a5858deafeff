//! Every operator under faults: interrupted, dropped and broken at every point, in orders that chance chooses.

use std::sync::{Arc, Mutex};

use crate::common::operators::{OPERATORS, Operator};
use crate::common::programs::BEAT;
use crate::common::simulated::case;
use effect::prelude::*;
use effect::simulation::{Case, Sim, Trial};

/// Elements through an operator, to a consumer. What is wrong with a run: an element that comes twice, or out of order, and whatever is
/// left when it has ended.
fn through(operator: &'static Operator, trial: &Trial) -> Case<Never, ()> {
    let trial = trial.clone();
    case(move |cx| async move {
        let making = trial.clone();
        let source = StreamE::from_iter(0..5).map_effect(move |x: u32| {
            let trial = making.clone();
            effect(async move |cx: Cx<()>| {
                let _probe = trial.probe();
                cx.sleep(BEAT).await;
                trial.fault_point();
                Ok(x)
            })
        });
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (seeing, consuming) = (Arc::clone(&seen), trial.clone());
        let run = (operator.apply)(source.erase()).run_for_each(move |element| {
            seeing.lock().unwrap().extend(element);
            let trial = consuming.clone();
            effect(async move |cx: Cx<()>| {
                let _probe = trial.probe();
                cx.sleep(BEAT * 2).await;
                trial.fault_point();
                Ok::<_, Never>(())
            })
        });
        drop(trial.droppable(cx.run(run.exit())).await);
        let mut seen = seen.lock().unwrap();
        if !operator.keeps_order {
            seen.sort_unstable();
        }
        let is_sound = seen.is_sorted_by(|a, b| a < b);
        trial.expect(is_sound, "an element came twice, or out of order");
    })
}

#[test]
fn no_operator_leaks_repeats_or_hangs_wherever_a_fault_strikes() {
    for operator in OPERATORS {
        println!("{}", operator.name);
        let program = |trial: &Trial| through(operator, trial);
        Sim::new().each_interrupt(program).unwrap();
        Sim::new().each_panic(program).unwrap();
        Sim::new().each_drop(program).unwrap();
        Sim::new().runs(200).test(program);
    }
}
