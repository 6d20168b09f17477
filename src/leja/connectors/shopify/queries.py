"""What we ask Shopify's GraphQL Admin API, version 2026-10. A test holds every text against the vendor's schema."""

from __future__ import annotations

from typing import Final

API_VERSION: Final = "2026-10"
NESTED: Final = 50

_BAG: Final = "{ shopMoney { amount currencyCode } }"
_TAXES: Final = f"taxLines {{ title rate channelLiable priceSet {_BAG} }}"
_DISCOUNTS: Final = f"discountAllocations {{ allocatedAmountSet {_BAG} }}"
_PAGE: Final = "pageInfo { hasNextPage endCursor }"
_ADDRESS: Final = "{ name company address1 address2 zip city province countryCodeV2 }"

LINES: Final = f"""{{ {_PAGE} nodes {{
  id sku title quantity isGiftCard taxable requiresShipping
  product {{ id }} variant {{ id }}
  originalTotalSet {_BAG} {_DISCOUNTS} {_TAXES}
  duties {{ id price {_BAG} {_TAXES} }}
}} }}"""
SHIPPING: Final = f"""{{ {_PAGE} nodes {{
  id title isRemoved originalPriceSet {_BAG} discountedPriceSet {_BAG} {_DISCOUNTS} {_TAXES}
}} }}"""
MOVEMENT: Final = f"""{{
  id kind status gateway processedAt createdAt paymentId authorizationCode amountSet {_BAG} amountRoundingSet {_BAG}
}}"""
REFUND_LINES: Final = f"""{{ {_PAGE} nodes {{
  quantity restockType lineItem {{ id }} subtotalSet {_BAG} totalTaxSet {_BAG}
}} }}"""
FULFILLED: Final = f"{{ {_PAGE} nodes {{ quantity lineItem {{ id }} }} }}"

ORDER: Final = f"""
  id name createdAt updatedAt processedAt cancelledAt test taxesIncluded currencyCode dutiesIncluded sourceName
  retailLocation {{ id }}
  customer {{ id displayName defaultEmailAddress {{ emailAddress }} }}
  shippingAddress {_ADDRESS} billingAddress {_ADDRESS}
  totalPriceSet {_BAG} totalTaxSet {_BAG} totalTipReceivedSet {_BAG}
  totalCashRoundingAdjustment {{ paymentSet {_BAG} }}
  {_TAXES}
  additionalFees {{ id name price {_BAG} {_TAXES} }}
  lineItems(first: {NESTED}) {LINES}
  shippingLines(first: 10, includeRemovals: true) {SHIPPING}
  transactions(first: $many) {MOVEMENT}
  refunds(first: $many) {{
    id createdAt processedAt note
    duties {{ amountSet {_BAG} }}
    refundLineItems(first: {NESTED}) {REFUND_LINES}
    refundShippingLines(first: 10) {{ {_PAGE} nodes {{ id subtotalAmountSet {_BAG} taxAmountSet {_BAG} }} }}
    orderAdjustments(first: 20) {{ {_PAGE} nodes {{ id reason amountSet {_BAG} taxAmountSet {_BAG} }} }}
    transactions(first: 20) {{ {_PAGE} nodes {MOVEMENT} }}
  }}
  fulfillments(first: $many) {{
    id status displayStatus createdAt deliveredAt
    fulfillmentLineItems(first: {NESTED}) {FULFILLED}
  }}
"""

ORDERS: Final = f"""query Orders($first: Int!, $many: Int!, $after: String, $filter: String!, $sort: OrderSortKeys!) {{
  orders(first: $first, after: $after, query: $filter, sortKey: $sort) {{ {_PAGE} nodes {{ {ORDER} }} }}
}}"""
ONE_ORDER: Final = f"query OneOrder($id: ID!, $many: Int!) {{ order(id: $id) {{ {ORDER} }} }}"
MORE_LINES: Final = f"""query MoreLines($id: ID!, $after: String) {{
  order(id: $id) {{ lineItems(first: 250, after: $after) {LINES} }}
}}"""
MORE_REFUND_LINES: Final = f"""query MoreRefundLines($id: ID!, $after: String) {{
  refund(id: $id) {{ refundLineItems(first: 250, after: $after) {REFUND_LINES} }}
}}"""
MORE_FULFILLED: Final = f"""query MoreFulfilled($id: ID!, $after: String) {{
  node(id: $id) {{ ... on Fulfillment {{ fulfillmentLineItems(first: 250, after: $after) {FULFILLED} }} }}
}}"""
ORDER_OF_REFUND: Final = "query OrderOfRefund($id: ID!) { refund(id: $id) { order { id } } }"
ORDER_IDS: Final = f"""query OrderIds($first: Int!, $after: String, $filter: String!) {{
  orders(first: $first, after: $after, query: $filter, sortKey: PROCESSED_AT) {{ {_PAGE} nodes {{
    id updatedAt processedAt test currencyCode totalPriceSet {_BAG} retailLocation {{ id }}
    refunds(first: 50) {{ id processedAt totalRefundedSet {_BAG} }}
  }} }}
}}"""
COUNT: Final = "query Count($filter: String!) { ordersCount(query: $filter, limit: null) { count precision } }"

_PAYOUT: Final = "id legacyResourceId issuedAt status transactionType net { amount currencyCode }"
PAYOUTS: Final = f"""query Payouts($first: Int!, $after: String, $filter: String) {{
  shopifyPaymentsAccount {{ payouts(first: $first, after: $after, query: $filter, sortKey: ISSUED_AT) {{
    {_PAGE} nodes {{ {_PAYOUT} }}
  }} }}
}}"""
ONE_PAYOUT: Final = f"query OnePayout($id: ID!) {{ node(id: $id) {{ ... on ShopifyPaymentsPayout {{ {_PAYOUT} }} }} }}"
PAYOUT_LINES: Final = f"""query PayoutLines($first: Int!, $after: String, $filter: String!) {{
  shopifyPaymentsAccount {{ balanceTransactions(first: $first, after: $after, query: $filter) {{
    {_PAGE} nodes {{
      id type test transactionDate sourceOrderTransactionId adjustmentReason
      amount {{ amount currencyCode }} fee {{ amount currencyCode }} net {{ amount currencyCode }}
      associatedOrder {{ id }} associatedPayout {{ id }}
    }}
  }} }}
}}"""

SUBSCRIPTIONS: Final = f"""query Subscriptions($after: String) {{
  webhookSubscriptions(first: 100, after: $after) {{
    {_PAGE} nodes {{ id topic uri format filter includeFields }}
  }}
}}"""
SUBSCRIBE: Final = """mutation Subscribe($topic: WebhookSubscriptionTopic!, $wanted: WebhookSubscriptionInput!) {
  webhookSubscriptionCreate(topic: $topic, webhookSubscription: $wanted) {
    webhookSubscription { id } userErrors { field message }
  }
}"""
REPAIR: Final = """mutation Repair($id: ID!, $wanted: WebhookSubscriptionInput!) {
  webhookSubscriptionUpdate(id: $id, webhookSubscription: $wanted) {
    webhookSubscription { id } userErrors { field message }
  }
}"""
ALL: Final = (
    ORDERS, ONE_ORDER, MORE_LINES, MORE_REFUND_LINES, MORE_FULFILLED, ORDER_OF_REFUND, ORDER_IDS, COUNT, PAYOUTS,
    ONE_PAYOUT, PAYOUT_LINES, SUBSCRIPTIONS, SUBSCRIBE, REPAIR,
)
