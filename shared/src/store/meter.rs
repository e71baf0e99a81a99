//! Counts what a request costs at DynamoDB: calls, sequential rounds, capacity units.
//!
//! The SDK tells an interceptor of every call; the counts go to whatever [`metered`] request the call is made for. The
//! log shows them for every request, and a test holds each endpoint against its budget.

use std::cell::RefCell;

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            BeforeSerializationInterceptorContextMut, BeforeSerializationInterceptorContextRef,
            FinalizerInterceptorContextRef,
        },
    },
    error::BoxError,
    operation::{
        batch_get_item::{BatchGetItemInput, BatchGetItemOutput},
        delete_item::{DeleteItemInput, DeleteItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemInput, PutItemOutput},
        query::{QueryInput, QueryOutput},
        transact_get_items::{TransactGetItemsInput, TransactGetItemsOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};

/// What a request cost at DynamoDB.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// How many calls it made.
    pub calls: u32,
    /// How many times it waited: calls that run at once count as one.
    pub rounds: u32,
    /// The read capacity units it took, when they are measured.
    pub read_units: f64,
    /// The write capacity units it took, when they are measured. Not those of refused conditions, which DynamoDB does
    /// not tell.
    pub write_units: f64,
    under_way: u32,
}

tokio::task_local! {
    static USAGE: RefCell<Usage>;
}

/// Runs `request`, and answers beside its result what it cost.
pub async fn metered<T>(request: impl Future<Output = T>) -> (T, Usage) {
    USAGE
        .scope(RefCell::default(), async {
            let result = request.await;
            (result, USAGE.with(|usage| usage.borrow().clone()))
        })
        .await
}

/// Calls outside a metered request, such as those at a start, are not counted.
fn count(change: impl FnOnce(&mut Usage)) {
    // The error says that there is no metered request.
    let _: Result<(), _> = USAGE.try_with(|usage| change(&mut usage.borrow_mut()));
}

/// The interceptor that counts.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) measure_capacity: bool,
}

/// Asks for the capacity in an input, or reads it from an output, of any of the operations that there are.
macro_rules! for_each_operation {
    ($act:ident, $context:expr) => {
        $act!(
            $context,
            (GetItemInput, GetItemOutput, one),
            (BatchGetItemInput, BatchGetItemOutput, many),
            (TransactGetItemsInput, TransactGetItemsOutput, many),
            (QueryInput, QueryOutput, one),
            (PutItemInput, PutItemOutput, one),
            (UpdateItemInput, UpdateItemOutput, one),
            (DeleteItemInput, DeleteItemOutput, one),
            (TransactWriteItemsInput, TransactWriteItemsOutput, many)
        )
    };
}

macro_rules! ask {
    ($input:expr, $(($in:ty, $out:ty, $count:ident)),+) => {
        $(if let Some(input) = $input.downcast_mut::<$in>() {
            input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        })+
    };
}

macro_rules! read {
    ($output:expr, $(($in:ty, $out:ty, $count:ident)),+) => {
        $(if let Some(output) = $output.downcast_ref::<$out>() {
            read!(@$count output, output.consumed_capacity(), stringify!($in));
        })+
    };
    (@one $output:expr, $capacity:expr, $operation:expr) => {
        add_capacity($capacity.as_slice(), $operation)
    };
    (@many $output:expr, $capacity:expr, $operation:expr) => {
        add_capacity(&$capacity.iter().collect::<Vec<_>>(), $operation)
    };
}

fn add_capacity(capacity: &[&ConsumedCapacity], operation: &str) {
    let reads = matches!(
        operation,
        "GetItemInput" | "BatchGetItemInput" | "TransactGetItemsInput" | "QueryInput"
    );
    let units: f64 = capacity.iter().filter_map(|c| c.capacity_units()).sum();
    count(|usage| {
        if reads {
            usage.read_units += units;
        } else {
            usage.write_units += units;
        }
    });
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "Meter"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        count(|usage| {
            usage.calls += 1;
            if usage.under_way == 0 {
                usage.rounds += 1;
            }
            usage.under_way += 1;
        });
        Ok(())
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.measure_capacity {
            let input = context.input_mut();
            for_each_operation!(ask, input);
        }
        Ok(())
    }

    fn read_after_execution(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        count(|usage| usage.under_way -= 1);
        if self.measure_capacity
            && let Some(Ok(output)) = context.output_or_error()
        {
            for_each_operation!(read, output);
        }
        Ok(())
    }
}
