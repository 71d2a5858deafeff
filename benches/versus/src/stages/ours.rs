//! A pipeline of ours that does a job.

/// A pipeline with these stages of a job, each with these methods called on it, and what adds its results up.
///
/// A macro, so that each stage is written out, as it would be by a user.
macro_rules! ours {
    ($job:ty; $($stage:literal),+) => {
        $crate::stages::ours!($job, (), u64::wrapping_add; $($stage),+)
    };
    ($job:ty; $($stage:literal => $step:expr),+) => {
        $crate::stages::ours!($job, (), u64::wrapping_add; $($stage => $step),+)
    };
    ($job:ty, $methods:tt, $add:expr; $($stage:literal),+) => {
        $crate::stages::ours!(
            $job,
            $methods,
            $add;
            $($stage => |item| <$job as $crate::stages::Job>::step($stage, item)),+
        )
    };
    ($job:ty, $methods:tt, $add:expr; $($stage:literal => $step:expr),+) => {
        |n: u64| -> u64 {
            use $crate::stages::Job;

            let capacity = <$job as Job>::CAPACITY;
            let program = ::effect::effect(async move |cx: ::effect::Cx<()>| {
                let output = ::effect::Channel::bounded(capacity);
                let errors = ::effect::Channel::bounded(capacity);
                let run = ::effect::Pipeline::from_stream(::effect::Stream::range(0..n))
                    $(.via($crate::stages::ours!(@stage $job, $methods, $stage, $step)))+
                    .to_channel(output.clone())
                    .with_error_channel(errors.clone())
                    .run();
                let pipeline = cx.fork(run);
                let failures = ::effect::Stream::from_channel(errors);
                let failures = cx.fork(failures.run_fold(0, |count, _| count + 1));
                let sum = ::effect::Stream::from_channel(output).run_fold(0, $add);
                let Ok(sum) = cx.run(sum).await;
                let Ok(failures) = cx.run(failures.join()).await;
                cx.run(pipeline.join()).await.map_err(|_| $crate::drive::Failed)?;
                Ok::<_, $crate::drive::Failed>($crate::stages::checksum(sum, failures))
            });
            $crate::drive::in_two_threads(async { program.await }).expect("no contender fails")
        }
    };
    (@stage $job:ty, ($($methods:tt)*), $stage:literal, $step:expr) => {
        ::effect::stage(stringify!($stage), $step)
            .workers(<$job as Job>::WORKERS[$stage])
            .buffer(<$job as Job>::CAPACITY)
            $($methods)*
    };
}

pub(crate) use ours;
