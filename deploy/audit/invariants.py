"""The invariants of the saga as questions to all schemas at once; an empty answer means that one holds.

Each question reads facts that several services own, which is why no service asks it: it is asked by an operator, with a
database user who may read every schema and write none. Moments are compared with the database's clock, in UTC.
"""

from __future__ import annotations

SETTLED_AFTER_SECONDS = 60

CLOSED = "('rejected', 'expired', 'cancelled')"
MOVING = "('pending_stock', 'confirmed')"
SHIPPING = "('partially_shipped', 'shipped', 'delivered')"

QUESTIONS: dict[str, str] = {
    "I1 a quote became more than one order": """
        SELECT o.quote_id, COUNT(*) FROM crossborder_orders.orders_order o
        GROUP BY o.quote_id HAVING COUNT(*) > 1""",
    "I2 stock is promised that is not there": """
        SELECT sku, warehouse, on_hand, held, committed FROM crossborder_catalog.catalog_stock
        WHERE on_hand < held + committed OR held < 0 OR committed < 0""",
    "I2 stock on hand is not what its movements add up to": """
        SELECT s.sku, s.warehouse, s.on_hand, SUM(m.on_hand) FROM crossborder_catalog.catalog_stock s
        LEFT JOIN crossborder_catalog.catalog_stockmovement m ON m.sku = s.sku AND m.warehouse = s.warehouse
        GROUP BY s.sku, s.warehouse, s.on_hand HAVING s.on_hand <> COALESCE(SUM(m.on_hand), 0)""",
    "I2 what is held is not what reservations hold": """
        SELECT s.sku, s.warehouse, s.held, COALESCE(SUM(l.quantity - l.fulfilled - l.released), 0)
        FROM crossborder_catalog.catalog_stock s
        LEFT JOIN (crossborder_catalog.catalog_reservationline l
            JOIN crossborder_catalog.catalog_reservation r ON r.order_id = l.reservation_id AND r.state = 'held')
            ON l.sku = s.sku AND l.warehouse = s.warehouse
        GROUP BY s.sku, s.warehouse, s.held
        HAVING s.held <> COALESCE(SUM(l.quantity - l.fulfilled - l.released), 0)""",
    "I2 what is promised is not what reservations promise": """
        SELECT s.sku, s.warehouse, s.committed, COALESCE(SUM(l.quantity - l.fulfilled - l.released), 0)
        FROM crossborder_catalog.catalog_stock s
        LEFT JOIN (crossborder_catalog.catalog_reservationline l
            JOIN crossborder_catalog.catalog_reservation r ON r.order_id = l.reservation_id AND r.state = 'committed')
            ON l.sku = s.sku AND l.warehouse = s.warehouse
        GROUP BY s.sku, s.warehouse, s.committed
        HAVING s.committed <> COALESCE(SUM(l.quantity - l.fulfilled - l.released), 0)""",
    "I2 what left the warehouse is not what orders shipped": f"""
        SELECT o.number, o.state, l.line_id, l.shipped, rl.fulfilled FROM crossborder_orders.orders_orderline l
        JOIN crossborder_orders.orders_order o ON o.id = l.order_id
        LEFT JOIN crossborder_catalog.catalog_reservationline rl
            ON rl.reservation_id = l.order_id AND rl.line_id = l.line_id
        WHERE o.state IN {SHIPPING} AND l.shipped <> COALESCE(rl.fulfilled, 0)
        AND NOT EXISTS (SELECT 1 FROM crossborder_catalog.catalog_discrepancy d WHERE d.order_id = l.order_id)
        AND EXISTS (SELECT 1 FROM crossborder_orders.orders_shipment p WHERE p.order_id = l.order_id)
        AND NOT EXISTS (SELECT 1 FROM crossborder_orders.orders_shipment p WHERE p.order_id = l.order_id
            AND p.shipped_at > UTC_TIMESTAMP(6) - INTERVAL {{settled}} SECOND)""",
    "I3 orders and payments disagree about a refund": """
        SELECT o.number, r.refund_id, r.state, p.state, r.amount_minor, p.amount_minor
        FROM crossborder_orders.orders_refund r JOIN crossborder_orders.orders_order o ON o.id = r.order_id
        LEFT JOIN crossborder_payments.payments_refund p ON p.id = r.refund_id
        WHERE r.refund_id IS NOT NULL AND r.at < UTC_TIMESTAMP(6) - INTERVAL {settled} SECOND
        AND (p.id IS NULL OR p.amount_minor <> r.amount_minor
            OR r.state <> CASE p.state WHEN 'refused' THEN 'failed' ELSE p.state END)
        AND COALESCE(p.answered_at, r.at) < UTC_TIMESTAMP(6) - INTERVAL {settled} SECOND""",
    "I3 more went back than was captured": """
        SELECT p.order_number, p.total_minor, SUM(r.amount_minor) FROM crossborder_payments.payments_payment p
        JOIN crossborder_payments.payments_refund r ON r.payment_id = p.id AND r.state = 'succeeded'
        GROUP BY p.id, p.order_number, p.total_minor HAVING SUM(r.amount_minor) > p.total_minor""",
    "I3 a closed order keeps money": f"""
        SELECT o.number, o.state, p.state FROM crossborder_orders.orders_order o
        JOIN crossborder_payments.payments_payment p ON p.order_id = o.id
        WHERE o.state IN {CLOSED} AND o.closed_at < UTC_TIMESTAMP(6) - INTERVAL {{settled}} SECOND
        AND (p.state IN ('sent', 'waiting', 'authorized')
            OR (p.state = 'captured' AND p.dispute_state <> 'open' AND p.total_minor - p.lost_minor > (
            SELECT COALESCE(SUM(amount_minor), 0) FROM crossborder_payments.payments_refund r
            WHERE r.payment_id = p.id AND r.state = 'succeeded'))
            OR (p.state = 'failed' AND EXISTS (SELECT 1 FROM crossborder_payments.payments_attempt a
            WHERE a.payment_id = p.id AND a.state = 'current')))""",
    "I3 a second success is not given back": """
        SELECT p.order_number, a.number FROM crossborder_payments.payments_attempt a
        JOIN crossborder_payments.payments_payment p ON p.id = a.payment_id
        WHERE a.state = 'surplus' AND a.created_at < UTC_TIMESTAMP(6) - INTERVAL {settled} SECOND""",
    "I3 a paid order's money is not captured, or not for the order's total": f"""
        SELECT o.number, o.state, p.state, o.total_minor, p.total_minor FROM crossborder_orders.orders_order o
        LEFT JOIN crossborder_payments.payments_payment p ON p.order_id = o.id
        WHERE (o.state = 'paid' OR o.state IN {SHIPPING})
        AND (p.id IS NULL OR p.state <> 'captured' OR p.total_minor <> o.total_minor OR p.currency <> o.currency)""",
    "I3 money was captured twice": """
        SELECT payment_id, COUNT(*) FROM crossborder_payments.payments_provideroperation
        WHERE kind = 'capture' AND state = 'done' GROUP BY payment_id HAVING COUNT(*) > 1""",
    "I6 events wait in an outbox": "\nUNION ALL ".join(
        f"SELECT '{service}', topic, `key`, type FROM crossborder_{service}.outbox_event"
        " WHERE created_at < UTC_TIMESTAMP(6) - INTERVAL {settled} SECOND"
        for service in ("identity", "catalog", "orders", "payments")
    ),
    "I6 events are dead or parked": "\nUNION ALL ".join(
        [
            *(
                f"SELECT '{service}', topic, `key`, type FROM crossborder_{service}.outbox_dead"
                " WHERE replayed_at IS NULL AND discarded_at IS NULL"
                for service in ("identity", "catalog", "orders", "payments")
            ),
            *(
                f"SELECT '{service}', topic, `key`, type FROM crossborder_{service}.inbox_parked"
                for service in ("catalog", "orders", "payments", "notifications")
            ),
        ]
    ),
    "I6 an order does not move on": f"""
        SELECT number, state, placed_at FROM crossborder_orders.orders_order
        WHERE state IN {MOVING} AND placed_at < UTC_TIMESTAMP(6) - INTERVAL {{settled}} SECOND""",
    "I7 a closed order keeps stock": f"""
        SELECT o.number, o.state, r.state FROM crossborder_orders.orders_order o
        JOIN crossborder_catalog.catalog_reservation r ON r.order_id = o.id
        WHERE o.state IN {CLOSED} AND r.state IN ('held', 'committed')
        AND o.closed_at < UTC_TIMESTAMP(6) - INTERVAL {{settled}} SECOND""",
    "I7 a paid order has no stock": """
        SELECT o.number, o.state, r.state FROM crossborder_orders.orders_order o
        LEFT JOIN crossborder_catalog.catalog_reservation r ON r.order_id = o.id
        WHERE o.state = 'paid' AND COALESCE(r.state, 'none') <> 'committed'""",
    "I7 a paid order's buyer was not told": """
        SELECT o.number, o.state FROM crossborder_orders.orders_order o
        WHERE o.state = 'paid' AND o.paid_at < UTC_TIMESTAMP(6) - INTERVAL {settled} SECOND
        AND NOT EXISTS (SELECT 1 FROM crossborder_notifications.notifications_delivery d
            WHERE d.order_number = o.number AND d.template = 'order_confirmed')""",
}
