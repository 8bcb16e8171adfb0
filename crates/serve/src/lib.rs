//! Listeners, the WebSocket connection, drain and the operations endpoint
